"""Backpropagation as derived by backprop-symbolic: scalar form, jax.custom_vjp."""

# Network 3-2-1, activations sigmoid sigmoid, loss half_sse, bias 1.

import jax
import jax.numpy as jnp

PARAMETERS = ('w11', 'w12', 'w13', 'w21', 'w22', 'w23', 'w31', 'w32')
INPUTS = ('x1', 'x2', 'x3')
TARGETS = ('y_t1',)
CONSTANTS = ()
GRADIENTS = ('w31', 'w32', 'w11', 'w12', 'w13', 'w21', 'w22', 'w23')


@jax.custom_vjp
def error(parameters, inputs, targets, constants=()):
    """The error; inputs, targets and constants are data."""
    return _forward(parameters, inputs, targets, constants)[0]


def _forward(parameters, inputs, targets, constants):
    (w11, w12, w13, w21, w22, w23, w31, w32) = parameters
    (x1, x2, x3) = inputs
    (y_t1,) = targets
    # net₁ = w₁₁x₁ + w₁₂x₂ + w₁₃x₃ + 1
    net_1 = w11*x1 + w12*x2 + w13*x3 + 1.0
    # yₕ₁ = σ(net₁)
    y_h1 = jax.nn.sigmoid(net_1)
    # net₂ = w₂₁x₁ + w₂₂x₂ + w₂₃x₃ + 1
    net_2 = w21*x1 + w22*x2 + w23*x3 + 1.0
    # yₕ₂ = σ(net₂)
    y_h2 = jax.nn.sigmoid(net_2)
    # net₃ = w₃₁yₕ₁ + w₃₂yₕ₂ + 1
    net_3 = w31*y_h1 + w32*y_h2 + 1.0
    # yₒ₁ = σ(net₃)
    y_o1 = jax.nn.sigmoid(net_3)
    base_y_t1 = y_t1 - y_o1
    # E = 1/2(yₜ₁ - yₒ₁)²
    E = 0.5*(base_y_t1*base_y_t1)
    # δₒ₁ = (yₒ₁ - yₜ₁) · yₒ₁(1 - yₒ₁)  [s32]
    delta_o1 = (y_o1 - y_t1)*(y_o1*(1.0 - y_o1))
    # δₕ₁ = δₒ₁ · w₃₁ · yₕ₁(1 - yₕ₁)  [s56]
    delta_h1 = delta_o1*w31*(y_h1*(1.0 - y_h1))
    # δₕ₂ = δₒ₁ · w₃₂ · yₕ₂(1 - yₕ₂)  [s85]
    delta_h2 = delta_o1*w32*(y_h2*(1.0 - y_h2))
    # ∂E/∂w₃₁ = δₒ₁ · yₕ₁  [s34]
    d_w31 = delta_o1*y_h1
    # ∂E/∂w₃₂ = δₒ₁ · yₕ₂  [s40]
    d_w32 = delta_o1*y_h2
    # ∂E/∂w₁₁ = δₕ₁ · x₁  [s58]
    d_w11 = delta_h1*x1
    # ∂E/∂w₁₂ = δₕ₁ · x₂  [s64]
    d_w12 = delta_h1*x2
    # ∂E/∂w₁₃ = δₕ₁ · x₃  [s69]
    d_w13 = delta_h1*x3
    # ∂E/∂w₂₁ = δₕ₂ · x₁  [s87]
    d_w21 = delta_h2*x1
    # ∂E/∂w₂₂ = δₕ₂ · x₂  [s93]
    d_w22 = delta_h2*x2
    # ∂E/∂w₂₃ = δₕ₂ · x₃  [s98]
    d_w23 = delta_h2*x3
    slopes = [jnp.asarray(s, parameters.dtype) for s in (d_w11, d_w12, d_w13, d_w21, d_w22, d_w23, d_w31, d_w32)]
    return E, jnp.stack(slopes)


def _backward(slopes, above):
    return above * slopes, None, None, None


error.defvjp(_forward, _backward)


def check():
    """True where jax.test_util.check_grads finds the derived gradient in finite differences."""
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    keys = jax.random.split(jax.random.key(0), 4)
    p, x, t, c = (
        jax.random.uniform(key, (len(names),), minval=0.1, maxval=0.9)
        for key, names in zip(keys, (PARAMETERS, INPUTS, TARGETS, CONSTANTS))
    )
    check_grads(lambda w: error(w, x, t, c), (p,), order=1, modes=("rev",))
    return True


if __name__ == "__main__":
    print("check_grads", check())
