(* The rules of differentiation that every script is made of, over Coquelicot's is_derive. *)
From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
Open Scope R_scope.

(* -------------------------------------------------------------------------- *)
(* f has the value y and the slope l at x. A proof of it is built like f itself, *)
(* by one rule for each operation; values and slopes stay what they are called. *)
Definition moves (f : R -> R) (x y l : R) : Prop := f x = y /\ is_derive f x l.
(* f has the value y at x and is continuous there. *)
Definition near (f : R -> R) (x y : R) : Prop := f x = y /\ continuous f x.

Lemma d_of {f x y l} : moves f x y l -> is_derive f x l.
Proof. exact (@proj2 _ _). Qed.

Lemma value_of {f x y l} : moves f x y l -> f x = y.
Proof. exact (@proj1 _ _). Qed.

Lemma m_of {f x l} : is_derive f x l -> moves f x (f x) l.
Proof. now split. Qed.

Lemma m_make {f x y l} : f x = y -> is_derive f x l -> moves f x y l.
Proof. now split. Qed.

Lemma d_val {f : R -> R} {x l l' : R} : is_derive f x l -> l = l' -> is_derive f x l'.
Proof. now intros H <-. Qed.

Lemma m_val {f x y y' l l'} : moves f x y l -> y = y' -> l = l' -> moves f x y' l'.
Proof. now intros H <- <-. Qed.

(* What Derive is, once there is a derivative. *)
Lemma d_unique {f x l} : is_derive f x l -> Derive f x = l.
Proof. apply is_derive_unique. Qed.

Lemma m_unique {f x y l} : moves f x y l -> Derive f x = l.
Proof. intros [_ H]; now apply is_derive_unique. Qed.

(* f has a derivative, and Derive f x was calculated line by line. *)
Lemma d_shown {f x l l'} : is_derive f x l -> Derive f x = l' -> is_derive f x l'.
Proof. intros H E. rewrite <- E, (is_derive_unique f x l H). exact H. Qed.

(* ------------------------------------------------------------------ sums *)
Lemma m_const (c x : R) : moves (fun _ => c) x c 0.
Proof. split; [ reflexivity | exact (@is_derive_const R_AbsRing R_NormedModule c x) ]. Qed.

Lemma m_id (x : R) : moves (fun v => v) x x 1.
Proof. split; [ reflexivity | exact (@is_derive_id R_AbsRing x) ]. Qed.

Lemma m_plus {f g x a b df dg} :
  moves f x a df -> moves g x b dg -> moves (fun v => f v + g v) x (a + b) (df + dg).
Proof. intros [<- F] [<- G]; split; [ reflexivity | exact (is_derive_plus (V := R_NormedModule) f g x df dg F G) ]. Qed.

Lemma m_minus {f g x a b df dg} :
  moves f x a df -> moves g x b dg -> moves (fun v => f v - g v) x (a - b) (df - dg).
Proof. intros [<- F] [<- G]; split; [ reflexivity | exact (is_derive_minus (V := R_NormedModule) f g x df dg F G) ]. Qed.

Lemma m_opp {f x a df} : moves f x a df -> moves (fun v => - f v) x (- a) (- df).
Proof. intros [<- F]; split; [ reflexivity | exact (is_derive_opp (V := R_NormedModule) f x df F) ]. Qed.

(* a constant beside f *)
Lemma m_plus_const (c : R) {f x a df} : moves f x a df -> moves (fun v => f v + c) x (a + c) df.
Proof. intros F. exact (m_val (m_plus F (m_const c x)) eq_refl (Rplus_0_r df)). Qed.

Lemma m_const_plus (c : R) {f x a df} : moves f x a df -> moves (fun v => c + f v) x (c + a) df.
Proof. intros F. exact (m_val (m_plus (m_const c x) F) eq_refl (Rplus_0_l df)). Qed.

Lemma m_minus_const (c : R) {f x a df} : moves f x a df -> moves (fun v => f v - c) x (a - c) df.
Proof. intros F. exact (m_val (m_minus F (m_const c x)) eq_refl (Rminus_0_r df)). Qed.

Lemma m_const_minus (c : R) {f x a df} : moves f x a df -> moves (fun v => c - f v) x (c - a) (- df).
Proof. intros F. exact (m_val (m_minus (m_const c x) F) eq_refl (Rminus_0_l df)). Qed.

(* -------------------------------------------------------------- products *)
Lemma m_mult {f g x a b df dg} :
  moves f x a df -> moves g x b dg -> moves (fun v => f v * g v) x (a * b) (df * b + a * dg).
Proof.
  intros [<- F] [<- G]; split; [ reflexivity | ].
  apply (is_derive_mult f g x df dg F G); intros; apply Rmult_comm.
Qed.

Lemma m_scal (c : R) {f x a df} : moves f x a df -> moves (fun v => c * f v) x (c * a) (c * df).
Proof. intros [<- F]; split; [ reflexivity | now apply is_derive_scal ]. Qed.

Lemma m_scal_r (c : R) {f x a df} : moves f x a df -> moves (fun v => f v * c) x (a * c) (df * c).
Proof. intros F. refine (m_val (m_mult F (m_const c x)) eq_refl _). ring. Qed.

Lemma m_inv {f x a df} : moves f x a df -> a <> 0 -> moves (fun v => / f v) x (/ a) (- (df / a ^ 2)).
Proof.
  intros [<- F] H; split; [ reflexivity | ].
  apply (d_val (is_derive_inv f x df F H)). simpl. field. exact H.
Qed.

Lemma m_div {f g x a b df dg} :
  moves f x a df -> moves g x b dg -> b <> 0 ->
  moves (fun v => f v / g v) x (a / b) ((df * b - a * dg) / b ^ 2).
Proof.
  intros F G H. refine (m_val (m_mult F (m_inv G H)) eq_refl _). field. exact H.
Qed.

Lemma m_div_const (c : R) {f x a df} : moves f x a df -> moves (fun v => f v / c) x (a / c) (df / c).
Proof. exact (m_scal_r (/ c)). Qed.

Lemma m_const_div (c : R) {g x b dg} :
  moves g x b dg -> b <> 0 -> moves (fun v => c / g v) x (c / b) (- (c / b ^ 2) * dg).
Proof.
  intros G H. refine (m_val (m_scal c (m_inv G H)) eq_refl _). field. exact H.
Qed.

Lemma m_pow (n : nat) {f x a df} :
  moves f x a df -> moves (fun v => f v ^ S n) x (a ^ S n) (IZR (Z.of_nat (S n)) * a ^ n * df).
Proof.
  intros [<- F]; split; [ reflexivity | ].
  apply (d_val (is_derive_pow f (S n) x df F)).
  rewrite <- INR_IZR_INZ. simpl Nat.pred. ring.
Qed.

Lemma m_inv_pow (n : nat) {f x a df} :
  moves f x a df -> a <> 0 ->
  moves (fun v => / f v ^ S n) x (/ a ^ S n) (- (IZR (Z.of_nat (S n)) * df / a ^ S (S n))).
Proof.
  intros F H. refine (m_val (m_inv (m_pow n F) (pow_nonzero a (S n) H)) eq_refl _).
  simpl. field. split; [ now apply pow_nonzero | exact H ].
Qed.

(* ------------------------------------------------- functions of a function *)
Lemma m_chain {f g x a dg l} : is_derive f a l -> moves g x a dg -> moves (fun v => f (g v)) x (f a) (l * dg).
Proof.
  intros F [<- G]; split; [ reflexivity | ].
  apply (d_val (is_derive_comp f g x l dg F G)). apply Rmult_comm.
Qed.

Lemma m_exp {g x a dg} : moves g x a dg -> moves (fun v => exp (g v)) x (exp a) (exp a * dg).
Proof. exact (m_chain (is_derive_exp a)). Qed.

Lemma m_ln {g x a dg} : moves g x a dg -> 0 < a -> moves (fun v => ln (g v)) x (ln a) (/ a * dg).
Proof. intros G H. exact (m_chain (is_derive_ln a H) G). Qed.

Lemma m_sqrt {g x a dg} : moves g x a dg -> 0 < a -> moves (fun v => sqrt (g v)) x (sqrt a) (/ (2 * sqrt a) * dg).
Proof.
  intros G H. refine (m_chain (d_val (is_derive_sqrt (fun v => v) a 1 (d_of (m_id a)) H) _) G).
  field. apply Rgt_not_eq, sqrt_lt_R0, H.
Qed.

Lemma m_inv_sqrt {g x a dg} :
  moves g x a dg -> 0 < a -> moves (fun v => / sqrt (g v)) x (/ sqrt a) (- (/ (2 * a * sqrt a) * dg)).
Proof.
  intros G H. assert (P : sqrt a <> 0) by (apply Rgt_not_eq, sqrt_lt_R0, H).
  refine (m_val (m_inv (m_sqrt G H) P) eq_refl _).
  assert (Q : sqrt a ^ 2 = a) by (apply pow2_sqrt; lra). field [ Q ]. repeat split; first [ exact P | lra ].
Qed.

Lemma m_atan {g x a dg} : moves g x a dg -> moves (fun v => atan (g v)) x (atan a) (/ (1 + a ^ 2) * dg).
Proof.
  refine (m_chain (d_val (is_derive_atan a) _)). unfold Rsqr. simpl. now rewrite Rmult_1_r.
Qed.

Lemma m_sin {g x a dg} : moves g x a dg -> moves (fun v => sin (g v)) x (sin a) (cos a * dg).
Proof. exact (m_chain (is_derive_sin a)). Qed.

Lemma m_cos {g x a dg} : moves g x a dg -> moves (fun v => cos (g v)) x (cos a) (- sin a * dg).
Proof. exact (m_chain (is_derive_cos a)). Qed.

Lemma m_sinh {g x a dg} : moves g x a dg -> moves (fun v => sinh (g v)) x (sinh a) (cosh a * dg).
Proof.
  intros G. unfold sinh, cosh.
  refine (m_val (m_div_const 2 (m_minus (m_exp G) (m_exp (m_opp G)))) eq_refl _). field.
Qed.

Lemma m_cosh {g x a dg} : moves g x a dg -> moves (fun v => cosh (g v)) x (cosh a) (sinh a * dg).
Proof.
  intros G. unfold sinh, cosh.
  refine (m_val (m_div_const 2 (m_plus (m_exp G) (m_exp (m_opp G)))) eq_refl _). field.
Qed.

(* |u| and its sign, away from 0 *)
Lemma m_abs {g x a dg} : moves g x a dg -> a <> 0 -> moves (fun v => Rabs (g v)) x (Rabs a) (sign a * dg).
Proof.
  intros [<- G] H; split; [ reflexivity | exact (is_derive_Rabs g x dg G H) ].
Qed.

Lemma d_sign {x} : x <> 0 -> is_derive sign x 0.
Proof.
  intros H. destruct (Rdichotomy x 0 H) as [L | L].
  - apply (is_derive_ext_loc (fun _ => - (1))); [ | exact (d_of (m_const _ _)) ].
    apply (locally_interval _ x m_infty 0 I L); intros y _ Y. symmetry. now apply sign_eq_m1.
  - apply (is_derive_ext_loc (fun _ => 1)); [ | exact (d_of (m_const _ _)) ].
    apply (locally_interval _ x 0 p_infty L I); intros y Y _. symmetry. now apply sign_eq_1.
Qed.

Lemma m_sign {g x a dg} : moves g x a dg -> a <> 0 -> moves (fun v => sign (g v)) x (sign a) (0 * dg).
Proof. intros G H. exact (m_chain (d_sign H) G). Qed.

(* powers: a moving base, a moving exponent, both *)
Lemma m_expo (c : R) {g x a dg} :
  moves g x a dg -> moves (fun v => Rpower c (g v)) x (Rpower c a) (Rpower c a * ln c * dg).
Proof.
  intros G. unfold Rpower. refine (m_val (m_exp (m_scal_r (ln c) G)) eq_refl _). ring.
Qed.

Lemma m_rpower (c d : R) {g x a dg} :
  moves g x a dg -> 0 < a -> d = c - 1 ->
  moves (fun v => Rpower (g v) c) x (Rpower a c) (c * Rpower a d * dg).
Proof.
  intros G H ->. unfold Rpower at 1 2. refine (m_val (m_exp (m_scal c (m_ln G H))) eq_refl _).
  unfold Rminus. rewrite Rpower_plus, Rpower_Ropp, (Rpower_1 a H). unfold Rpower. field. lra.
Qed.

Lemma m_rpower_both {f g x a b df dg} :
  moves f x a df -> moves g x b dg -> 0 < a ->
  moves (fun v => Rpower (f v) (g v)) x (Rpower a b) (Rpower a b * (dg * ln a + b * (/ a * df))).
Proof. intros F G H. exact (m_exp (m_mult G (m_ln F H))). Qed.

(* the error function, as an integral: Coq has none *)
Definition erf (x : R) : R := 2 / sqrt PI * RInt (fun t => exp (- t ^ 2)) 0 x.

Lemma c_bell (t : R) : continuous (fun s => exp (- s ^ 2)) t.
Proof. apply (ex_derive_continuous (V := R_NormedModule)). eexists. exact (d_of (m_exp (m_opp (m_pow 1 (m_id t))))). Qed.

Lemma d_erf (x : R) : is_derive erf x (2 / sqrt PI * exp (- x ^ 2)).
Proof.
  apply (is_derive_scal (fun y => RInt (fun t => exp (- t ^ 2)) 0 y) x (2 / sqrt PI)).
  apply (is_derive_RInt (fun t => exp (- t ^ 2)) _ 0); [ | exact (c_bell x) ].
  apply filter_forall; intros y. apply (RInt_correct (V := R_CompleteNormedModule)).
  apply (ex_RInt_continuous (V := R_CompleteNormedModule)); intros; apply c_bell.
Qed.

Lemma m_erf {g x a dg} : moves g x a dg -> moves (fun v => erf (g v)) x (erf a) (2 / sqrt PI * exp (- a ^ 2) * dg).
Proof. exact (m_chain (d_erf a)). Qed.

(* ----------------------------------------------------------------- cases *)
Lemma near_of {f x a l} : moves f x a l -> near f x a.
Proof. intros [E D]; split; [ exact E | apply (ex_derive_continuous (V := R_NormedModule)); now exists l ]. Qed.

Lemma near_abs {f x a} : near f x a -> near (fun v => Rabs (f v)) x (Rabs a).
Proof.
  intros [<- C]; split; [ reflexivity | ].
  apply (continuous_comp f Rabs x C), continuous_Rabs.
Qed.

Lemma stays_below {u v : R -> R} {x} : continuous u x -> continuous v x -> u x < v x -> locally x (fun y => u y < v y).
Proof.
  intros U V H. assert (K : 0 < v x - u x) by lra.
  assert (C : continuous (fun y => v y - u y) x) by exact (continuous_minus (V := R_NormedModule) v u x V U).
  apply (filter_imp (fun y => 0 < v y - u y)); [ intros; lra | ].
  exact (C (fun z => 0 < z) (open_gt 0 (v x - u x) K)).
Qed.

Section Cases.
  Context {P : R -> Prop} (b : forall y, {P y} + {~ P y}) {f g : R -> R} {x : R}.
  Let h (y : R) : R := if b y then f y else g y.

  Lemma d_first {l} : locally x P -> is_derive f x l -> is_derive h x l.
  Proof.
    intros H. apply is_derive_ext_loc. revert H; apply filter_imp; intros y Y. unfold h.
    now destruct (b y).
  Qed.

  Lemma d_second {l} : locally x (fun y => ~ P y) -> is_derive g x l -> is_derive h x l.
  Proof.
    intros H. apply is_derive_ext_loc. revert H; apply filter_imp; intros y Y. unfold h.
    now destruct (b y).
  Qed.

  (* where both formulas have the same value and the same slope, it does not matter which one holds *)
  Lemma d_smooth {l} : f x = g x -> is_derive f x l -> is_derive g x l -> is_derive h x l.
  Proof.
    intros E [_ F] [_ G]. split; [ apply is_linear_scal_l | ].
    intros z Z e. assert (x = z) as <- by exact (is_filter_lim_locally_unique x z Z).
    generalize (filter_and _ _ (F x Z e) (G x Z e)). apply filter_imp. unfold h. intros y [A B].
    destruct (b y), (b x); first [ exact A | exact B | rewrite <- E; exact A | rewrite E; exact B ].
  Qed.
End Cases.

(* u < v, away from the border u = v *)
Lemma m_less {u v f g x a b c d dc dd} :
  near u x a -> near v x b -> (a < b -> moves f x c dc) -> (~ a < b -> moves g x d dd) -> a <> b ->
  moves (fun y => if Rlt_dec (u y) (v y) then f y else g y) x
    (if Rlt_dec a b then c else d) (if Rlt_dec a b then dc else dd).
Proof.
  intros [<- U] [<- V] F G N. destruct (Rlt_dec (u x) (v x)) as [L | L].
  - destruct (F L) as [<- D]. split; [ now destruct (Rlt_dec (u x) (v x)) | ].
    apply (d_first (fun y => Rlt_dec (u y) (v y))); [ now apply stays_below | exact D ].
  - destruct (G L) as [<- D]. split; [ now destruct (Rlt_dec (u x) (v x)) | ].
    apply (d_second (fun y => Rlt_dec (u y) (v y))); [ | exact D ].
    apply (filter_imp (fun y => v y < u y)); [ intros; lra | apply stays_below; trivial; lra ].
Qed.

Lemma m_less_eq {u v f g x a b c d dc dd} :
  near u x a -> near v x b -> (a <= b -> moves f x c dc) -> (~ a <= b -> moves g x d dd) -> a <> b ->
  moves (fun y => if Rle_dec (u y) (v y) then f y else g y) x
    (if Rle_dec a b then c else d) (if Rle_dec a b then dc else dd).
Proof.
  intros [<- U] [<- V] F G N. destruct (Rle_dec (u x) (v x)) as [L | L].
  - destruct (F L) as [<- D]. split; [ now destruct (Rle_dec (u x) (v x)) | ].
    apply (d_first (fun y => Rle_dec (u y) (v y))); [ | exact D ].
    apply (filter_imp (fun y => u y < v y)); [ intros; lra | apply stays_below; trivial; lra ].
  - destruct (G L) as [<- D]. split; [ now destruct (Rle_dec (u x) (v x)) | ].
    apply (d_second (fun y => Rle_dec (u y) (v y))); [ | exact D ].
    apply (filter_imp (fun y => v y < u y)); [ intros; lra | apply stays_below; trivial; lra ].
Qed.

(* a condition in which nothing moves *)
Lemma m_fixed {P : Prop} (b : {P} + {~ P}) {f g x c d dc dd} :
  (P -> moves f x c dc) -> (~ P -> moves g x d dd) ->
  moves (fun y => if b then f y else g y) x (if b then c else d) (if b then dc else dd).
Proof. intros F G. destruct b as [H | H]; [ exact (F H) | exact (G H) ]. Qed.

(* a border where values and slopes meet *)
Lemma m_less_smooth {u v f g x a b c d dc dd} :
  near u x a -> near v x b -> (a <= b -> moves f x c dc) -> (b <= a -> moves g x d dd) ->
  (a = b -> c = d /\ dc = dd) ->
  moves (fun y => if Rlt_dec (u y) (v y) then f y else g y) x
    (if Rlt_dec a b then c else d) (if Rlt_dec a b then dc else dd).
Proof.
  intros U V F G S. destruct (Req_dec a b) as [E | N].
  - destruct (S E) as [-> ->]. destruct U as [<- U], V as [<- V].
    destruct (F (Req_le _ _ E)) as [Y D], (G (Req_le _ _ (eq_sym E))) as [Y' D'].
    split; [ now destruct (Rlt_dec (u x) (v x)) | ].
    destruct (Rlt_dec (u x) (v x));
      apply (d_smooth (fun y => Rlt_dec (u y) (v y))); trivial; now rewrite Y, Y'.
  - apply (m_less U V); try exact N; intros; [ apply F | apply G ]; lra.
Qed.

Lemma m_less_eq_smooth {u v f g x a b c d dc dd} :
  near u x a -> near v x b -> (a <= b -> moves f x c dc) -> (b <= a -> moves g x d dd) ->
  (a = b -> c = d /\ dc = dd) ->
  moves (fun y => if Rle_dec (u y) (v y) then f y else g y) x
    (if Rle_dec a b then c else d) (if Rle_dec a b then dc else dd).
Proof.
  intros U V F G S. destruct (Req_dec a b) as [E | N].
  - destruct (S E) as [-> ->]. destruct U as [<- U], V as [<- V].
    destruct (F (Req_le _ _ E)) as [Y D], (G (Req_le _ _ (eq_sym E))) as [Y' D'].
    split; [ now destruct (Rle_dec (u x) (v x)) | ].
    destruct (Rle_dec (u x) (v x));
      apply (d_smooth (fun y => Rle_dec (u y) (v y))); trivial; now rewrite Y, Y'.
  - apply (m_less_eq U V); try exact N; intros; [ apply F | apply G ]; lra.
Qed.

(* -------------------------------------------------------- side conditions *)
(* What a script may add for functions of its own: 0 < sigmoid x and the like. *)
Create HintDb sides.

(* 0 < e and 0 <= e, by the signs of its parts *)
Ltac positive :=
  lazymatch goal with
  | |- 0 < exp _ => apply exp_pos
  | |- 0 < cosh _ => unfold cosh; positive
  | |- 0 < Rpower _ _ => apply exp_pos
  | |- 0 < PI => apply PI_RGT_0
  | |- 0 < sqrt _ => apply sqrt_lt_R0; positive
  | |- 0 < ?a ^ _ => first [ apply pow_lt; positive | lra ]
  | |- 0 < / _ => apply Rinv_0_lt_compat; positive
  | |- 0 < _ / _ => apply Rdiv_lt_0_compat; positive
  | |- 0 < _ * _ => first [ apply Rmult_lt_0_compat; positive | lra ]
  | |- 0 < _ + _ =>
      first
        [ apply Rplus_lt_0_compat; positive
        | apply Rplus_lt_le_0_compat; [ positive | nonnegative ]
        | apply Rplus_le_lt_0_compat; [ nonnegative | positive ]
        | lra ]
  | |- _ => first [ assumption | lra | solve [ auto with sides ] ]
  end
with nonnegative :=
  lazymatch goal with
  | |- 0 <= Rabs _ => apply Rabs_pos
  | |- 0 <= sqrt _ => apply sqrt_pos
  | |- 0 <= _ ^ 2 => apply pow2_ge_0
  | |- 0 <= (_ ^ 2) ^ _ => apply pow_le, pow2_ge_0
  | |- 0 <= ?a * ?a => apply Rle_0_sqr
  | |- 0 <= _ + _ => first [ apply Rplus_le_le_0_compat; nonnegative | lra ]
  | |- 0 <= _ * _ => first [ apply Rmult_le_pos; nonnegative | lra ]
  | |- 0 <= _ / _ => unfold Rdiv; apply Rmult_le_pos; [ nonnegative | left; apply Rinv_0_lt_compat; positive ]
  | |- _ => first [ left; positive | lra ]
  end.

(* |u| compared with a number says something of u *)
Ltac by_modulus :=
  match goal with
  | H : context [ Rabs ?u ] |- ?u <> 0 =>
      let E := fresh in intros E; rewrite E, Rabs_R0 in H; lra
  end.

(* A divisor is not 0, what has a logarithm is positive. *)
Ltac side :=
  intros;
  first [ assumption | sides ]
with sides :=
  lazymatch goal with
  | |- _ /\ _ => split; side
  | |- _ * _ <> 0 => first [ apply Rmult_integral_contrapositive_currified; side | lra | solve [ auto with sides ] ]
  | |- _ ^ _ <> 0 => apply pow_nonzero; side
  | |- / _ <> 0 => apply Rinv_neq_0_compat; side
  | |- - _ <> 0 => first [ apply Ropp_neq_0_compat; side | lra ]
  | |- _ <> _ =>
      first
        [ assumption
        | apply not_eq_sym; assumption
        | lra
        | apply Rgt_not_eq; red; positive
        | by_modulus
        | let E := fresh in intros E; match goal with H : _ <> _ |- _ => apply H; lra end
        | solve [ auto with sides ] ]
  | |- 0 < _ => positive
  | |- _ => first [ assumption | lra | solve [ auto with sides ] | match goal with H : _ -> ?P |- ?P => apply H; side end | red; side ]
  end.

Lemma below_1 {p q r : R} : 0 < q -> 0 < r -> q - p = r -> p / q < 1.
Proof.
  intros Q S E. apply (Rmult_lt_reg_r q _ _ Q). unfold Rdiv.
  rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.

(* ------------------------------------------------------------------ lines *)
Lemma exp_log {a u : R} : 0 < u -> a = ln u -> exp a = u.
Proof. intros H ->. exact (exp_ln u H). Qed.

Lemma exp_log_opp {a u : R} : 0 < u -> a = - ln u -> exp a = / u.
Proof. intros H ->. now rewrite exp_Ropp, exp_ln. Qed.

Lemma exp_zero {a : R} : a = 0 -> exp a = 1.
Proof. intros ->. exact exp_0. Qed.

Lemma power_half {a c : R} : 0 < c -> a = / 2 -> Rpower c a = sqrt c.
Proof. intros H ->. exact (Rpower_sqrt c H). Qed.

Lemma root_squared {a : R} : 0 < a -> sqrt a ^ 2 = a.
Proof. intros H. apply pow2_sqrt. lra. Qed.

(* What is known, taken apart. *)
Ltac given := repeat match goal with H : _ /\ _ |- _ => destruct H end.

(* Each case of what is claimed, with its condition; those that cannot be are left out. *)
Ltac by_cases :=
  repeat match goal with
  | |- context [ Rlt_dec ?a ?b ] => destruct (Rlt_dec a b)
  | |- context [ Rle_dec ?a ?b ] => destruct (Rle_dec a b)
  end; try solve [ exfalso; lra ].

(* sgn u and |u| by the sign of u *)
Ltac signs :=
  repeat match goal with
  | |- context [ sign ?u ] =>
      first
        [ rewrite (sign_eq_1 u) by lra
        | rewrite (sign_eq_m1 u) by lra
        | replace u with 0 by lra; rewrite sign_0
        | destruct (Rtotal_order u 0) as [ ? | [ ? | ? ] ] ]
  | |- context [ Rabs ?u ] =>
      first
        [ rewrite (Rabs_pos_eq u) by lra
        | rewrite (Rabs_left u) by lra
        | destruct (Rle_lt_dec 0 u) ]
  | H : context [ Rabs ?u ] |- _ =>
      first
        [ rewrite (Rabs_pos_eq u) in H by lra
        | rewrite (Rabs_left u) in H by lra
        | destruct (Rle_lt_dec 0 u) ]
  end; try solve [ exfalso; lra ].

(* An identity of rational functions, in which the square of √a is a. *)
Ltac rational :=
  lazymatch goal with
  | |- context [ sqrt ?a ] =>
      let A := fresh in
      assert (A : sqrt a ^ 2 = a) by (apply root_squared; positive);
      first
        [ field [ A ]; side
        | match goal with
          | |- context [ sqrt ?c ] =>
              tryif constr_eq a c then fail else
                (let C := fresh in
                 assert (C : sqrt c ^ 2 = c) by (apply root_squared; positive);
                 field [ A C ]; side)
          end ]
  | |- _ => first [ ring | field; side | lra ]
  end.

(* e to a sum, to a difference, to a logarithm *)
Ltac powers :=
  repeat match goal with
  | |- context [ exp ?a ] =>
      match a with
      | context [ ln ?u ] =>
          first
            [ rewrite (@exp_log a u) by first [ positive | rational ]
            | rewrite (@exp_log_opp a u) by first [ positive | rational ] ]
      | _ => rewrite (@exp_zero a) by rational
      end
  | |- context [ Rpower ?c ?a ] => rewrite (@power_half a c) by first [ positive | lra ]
  | |- context [ exp (- _) ] => rewrite exp_Ropp
  | |- context [ exp (_ + _) ] => rewrite exp_plus
  | |- context [ exp (_ - _) ] => unfold Rminus
  | |- context [ sqrt (?a * ?b) ] => rewrite (sqrt_mult a b) by (left; positive)
  | |- context [ sqrt (?a / ?b) ] => rewrite (sqrt_div a b) by (first [ positive | left; positive ])
  end.

(* e^a and e^b, c^a and c^b, where a and b are the same number otherwise written *)
Ltac same_powers :=
  repeat match goal with
  | |- context [ exp ?a ] =>
      match goal with
      | |- context [ exp ?b ] =>
          tryif constr_eq a b then fail else replace (exp b) with (exp a) by (f_equal; rational)
      end
  | |- context [ Rpower ?c ?a ] =>
      match goal with
      | |- context [ Rpower c ?b ] =>
          tryif constr_eq a b then fail else replace (Rpower c b) with (Rpower c a) by (f_equal; rational)
      end
  end.

(* The two sides of a line: as they stand; with the names of the proof opened; with every function opened. *)
Ltac line named every :=
  first
    [ reflexivity
    | solve [ rational ]
    | named; first [ reflexivity | solve [ rational ] | solve [ signs; rational ] ]
    | every; solve [ by_cases; signs; rational ]
    | every; by_cases; unfold sinh, cosh in *; powers; first [ solve [ rational ] | solve [ signs; rational ] ]
    | every; unfold Rminus; powers; same_powers; solve [ rational ]
    | every; same_powers; powers; same_powers; solve [ rational ] ].

(* |u| = c: u is c or -c. *)
Ltac ends E :=
  match type of E with
  | Rabs ?u = ?c =>
      let F := fresh in
      destruct (Rle_lt_dec 0 u);
      [ assert (F : u = c) by (rewrite Rabs_pos_eq in E; lra)
      | assert (F : u = - c) by (rewrite Rabs_left in E; lra) ];
      rewrite ?F; clear E F
  end.

(* The values and the slopes of two cases, at their border. *)
Ltac meet :=
  let E := fresh "border" in
  intros E; split;
  first
    [ lra
    | solve [ rewrite <- E; powers; rational ]
    | solve [ rewrite E; powers; rational ]
    | solve [ ends E; signs; rational ]
    | solve [ symmetry in E; ends E; signs; rational ]
    | solve [ signs; first [ lra | nra ] ]
    | solve [ signs; first [ rewrite <- E | rewrite E ]; powers; rational ] ].
