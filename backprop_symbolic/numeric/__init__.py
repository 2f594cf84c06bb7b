"""Numbers from a derivation: source generated from its steps, and what runs it.

names     names a user gave → names of variables, one for one
stable    formulas rewritten so that they neither overflow nor lose their digits
printer   expressions as Python text, for numbers and for arrays
source    the scalar form: one variable for each quantity, one line for each step
layers    the layer pattern that a derivation's steps have in common
inplace   expressions as NumPy operations into buffers
matrix    the matrix form: one line for each layer and its step
autograd  the same as a torch.autograd.Function and a jax.custom_vjp
compile   the source made to run, and checked against the derivation
values     numbers for a graph: files, options, a seed, published examples
substitute a derivation with numbers
steps      the numbers that the steps give, as they stand or damaged
check      gradients and updates against independent references
claims     published numbers judged, their mistakes named
report     what a check found, as a table
optimizers the rules that move a parameter, as data, and the programs made of them
descent    such a rule written down, what follows from it verified
samples    samples in memory, or streamed from a CSV file
sequential the output layer updated first, to reproduce programs that do so
train      the loop, on numbers or on arrays
checkpoint the whole state of a training, as JSON
session    what a command asks to be trained, put together
outcome    how a training went, and the files that it leaves
command    `backprop train`
"""
