"""The words and commands that rows of mathematics are read by: one place for every choice.

Which letters side by side are one name is decided here and nowhere else.
"""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words between blanks."""
    return frozenset(text.split())


# ---------------------------------------------------------------- tables: words

#: Latin words that are one name or function, however short. Other letters side by side are a product
#: of one-letter names (xy), unless a digit ends them (w5, Jo1) or they are four or more (Etotal, temp).
QUANTITIES = words(
    "net out output outputs input inputs target targets total sum hidden pred err error loss cost weight "
    "weights bias delta grad tmp temp lr rate act acts actual desired new old val"
)
ELEMENTARY = words("exp log ln sqrt sin cos tan sinh cosh tanh arctan atan arcsin arccos erf abs sign sgn")
ACTIVATIONS = words(
    "sigmoid logistic relu softmax softplus softsign elu selu celu gelu silu swish mish step id identity "
    "leakyrelu lrelu prelu relu6"
)
FUNCTIONS = (
    ELEMENTARY
    | ACTIVATIONS
    | {"sigma", "max", "min", "sup", "prod", "diag", "argmax", "argmin", "softargmax"}
)
SMALL = words(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho "
    "varrho sigma tau upsilon phi varphi chi psi omega ell hbar"
)
GREEK = SMALL | words("Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega")
#: Greek letters that plain text writes out.
SPELLED = words("alpha beta gamma delta epsilon zeta eta theta kappa lambda sigma omega")
WORDS = QUANTITIES | FUNCTIONS | SPELLED
GREEK_NAMES = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi
    psi omega phi epsilon vartheta Gamma Delta Theta Lambda Xi Pi Phi Psi Omega
"""
UNICODE_GREEK = dict(zip("αβγδεζηθικλμνξπρστυφχψωϕϵϑΓΔΘΛΞΠΦΨΩ", GREEK_NAMES.split(), strict=True))
VARIANTS = {"varphi": "phi", "varepsilon": "epsilon", "vartheta": "theta", "varrho": "rho"}

THEREFORE, BECAUSE, IMPLIES = "therefore", "because", "implies"
#: Words around formulas that connect them.
CONNECTIVES = {
    **dict.fromkeys(
        words("therefore thus hence so 따라서 그러므로 즉 그래서 所以 因此 故 于是 於是 则 即 得 可得"),
        THEREFORE,
    ),
    **dict.fromkeys(words("because since 왜냐하면 因为 因為 由于 由於"), BECAUSE),
    **dict.fromkeys(words("similarly likewise 마찬가지로 同理 同样 又 由 有"), ""),
}
JOINING_WORDS = sorted(CONNECTIVES, key=lambda word: (-len(word), word))
AND = words("and or und et 그리고 또는 와 과 및 且 和 或 其中 where with for")
WHEN = words("if when whenever otherwise else 이면 일때 때 当 當 如果 若 其他 其它 否则 그외 나머지") | {
    "그 밖의 경우", "그 외의 경우", "그 외", "in all other cases", "any other case", "일 때",
}  # fmt: skip
#: Remarks in parentheses behind a number: 1(bias).
REMARKS = words("bias 편향 바이어스 偏置")

# ---------------------------------------------------------------- tables: commands

SIZES = words("left right middle big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm")
SILENT = words(
    "displaystyle textstyle scriptstyle limits nolimits nonumber "
    "notag allowbreak nobreak strut mathstrut hfill "
    "rm bf it cal boldmath centering quote space enspace thinspace"
)
#: Commands that take a group which says nothing.
GROUP_SILENT = words("tag label hspace vspace phantom hphantom vphantom color intertext ref eqref textcolor")
#: Commands whose group stands for itself.
TRANSPARENT = words("boxed ensuremath mathop mathrel mathbin mathord mathstrut smash underline")
FONTS = {
    **dict.fromkeys(words("mathrm mathit textit mathnormal textnormal"), "roman"),
    **dict.fromkeys(words("text textrm mbox hbox textsf textbf"), "text"),
    **dict.fromkeys(words("mathbf boldsymbol bm pmb symbf"), "bold"),
    **dict.fromkeys(words("operatorname operatorname*"), "operator"),
    "mathcal": "cal", "mathscr": "cal", "mathsf": "sans", "mathbb": "blackboard", "mathfrak": "fraktur",
    "mathtt": "roman",
}  # fmt: skip
WIDE = words("quad qquad")
RELATIONS = {
    "=": "=", "approx": "≈", "simeq": "≈", "approxeq": "≈", "≈": "≈", "equiv": "=", "≡": "=", "<": "<",
    ">": ">", "lt": "<", "gt": ">",
    "le": "≤", "leq": "≤", "leqslant": "≤", "≤": "≤", "ge": "≥", "geq": "≥", "geqslant": "≥", "≥": "≥",
    "ne": "≠", "neq": "≠", "≠": "≠", "to": "→", "rightarrow": "→", "longrightarrow": "→", "→": "→",
    ":=": ":=", "coloneqq": ":=", "triangleq": ":=", "doteq": "=",
}  # fmt: skip
JOINING = {
    "therefore": THEREFORE, "∴": THEREFORE, "because": BECAUSE, "∵": BECAUSE,
    "Rightarrow": IMPLIES, "⇒": IMPLIES, "implies": IMPLIES, "Longrightarrow": IMPLIES, "iff": IMPLIES,
    "Leftrightarrow": IMPLIES, "⇔": IMPLIES, "Longleftrightarrow": IMPLIES,
}  # fmt: skip
TIMES = {
    "cdot": "*", "times": "*", "ast": "*", "·": "*", "×": "*", "⋅": "*", "∙": "*", "div": "/", "÷": "/",
    "slash": "/", "−": "-", "∗": "*",
}  # fmt: skip
#: Products of matrices and the like: read, and not judged.
STRANGE_PRODUCTS = {
    "odot": "⊙", "otimes": "⊗", "circ": "∘", "bullet": "•", "⊙": "⊙", "⊗": "⊗", "oplus": "⊕", "star":
    "⋆", "∘": "∘",
}  # fmt: skip
BRACKETS = {
    "lvert": ("open", "|"), "rvert": ("close", "|"), "lVert": ("open", "‖"), "rVert": ("close", "‖"),
    "lbrace": ("open", "\\{"), "rbrace": ("close", "\\}"), "lbrack": ("open", "["), "rbrack": ("close", "]"),
    "{": ("open", "\\{"), "}": ("close", "\\}"), "|": ("bar", "‖"), "vert": ("bar", "|"), "Vert":
    ("bar", "‖"), "mid": ("bar", "|"),
}  # fmt: skip
CLOSING = {"(": ")", "[": "]", "{": "}", "\\{": "\\}", "|": "|", "‖": "‖"}
ALIGNED = words(
    "align aligned alignat alignedat split gather "
    "gathered eqnarray equation multline flalign math displaymath"
)
CASES = words("cases dcases rcases Bmatrix")

# ---------------------------------------------------------------- tables: names and notation

#: Letters that a time may stand behind: w(t), w_t, w_{31}t.
TIMED = words("w W v V u U b B theta Theta 가중치 weight weights bias m s")  # fmt: skip
#: Letters that are functions wherever parentheses follow, so that f(t) is no name at a time.
CALLED = words("f g h F G phi psi sigma varphi L l H ell")
ACCENTS = {
    "hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "bar": "bar", "overline": "bar",
    "vec": "vec", "dot": "dot", "ddot": "ddot",
}  # fmt: skip
FRACTIONS = words("frac dfrac tfrac cfrac nicefrac sfrac")
#: Notation that is known and outside of what can be judged.
STRANGE = words(
    "infty nabla ldots cdots dots vdots prod lim int max min sup inf arg argmax argmin det Re Im emptyset "
    "mathbb top bot quad to"
)
