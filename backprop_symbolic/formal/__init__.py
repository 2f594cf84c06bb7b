"""A derivation as a Coq script over Coquelicot: a lemma a step, for a kernel that shares no code with us.

script       a script, and the refusal for what has no Coq form
names        injective names for Coq
terms        expressions as Coq terms, and proofs of their derivatives rule by rule
obligations  what a rule asks for: what holds by itself, what has to be supposed
functions    activations and losses: definition, lemmas line by line, theorem
network      a derivation: the forward pass, every step a lemma, a theorem for each parameter
coqc         the compiler: run, timed, and asked what the proof rests on
command      `backprop prove`
"""
