(* -------------------------------------------------------------------------- *)
(* Places and paths. Every quantity has a number, its place; it is computed from *)
(* quantities of smaller numbers. D q p is the derivative of q by p: of q as a   *)
(* function of p, where all that does not follow from p stays as it is. An edge   *)
(* (q, r, c) says that q is computed from r, with the slope c.                    *)
From Coq Require Import List PArith Bool Wf_nat.
Import ListNotations.

Lemma upward_wf : well_founded Pos.lt.
Proof. apply (Wf_nat.well_founded_lt_compat _ Pos.to_nat). intros x y H. now apply Pos2Nat.inj_lt. Qed.

Definition edge : Type := (positive * positive) * R.
Definition head (e : edge) : positive := fst (fst e).
Definition foot (e : edge) : positive := snd (fst e).
Definition slope (e : edge) : R := snd e.

(* a + (b + (c + …)), 0 for no term *)
Fixpoint total (terms : list R) : R :=
  match terms with
  | nil => 0
  | a :: nil => a
  | a :: more => a + total more
  end.

Lemma total_cons (a : R) (l : list R) : total (a :: l) = a + total l.
Proof. destruct l; simpl; ring. Qed.

Fixpoint sum_over {A : Type} (f : A -> R) (l : list A) : R :=
  match l with nil => 0 | a :: m => f a + sum_over f m end.

Lemma total_map {A : Type} (f : A -> R) (l : list A) : total (map f l) = sum_over f l.
Proof. induction l as [ | a l IH ]; [ reflexivity | ]. simpl map. rewrite total_cons, IH. reflexivity. Qed.

Lemma sum_ext {A : Type} (f g : A -> R) (l : list A) :
  (forall a, In a l -> f a = g a) -> sum_over f l = sum_over g l.
Proof.
  induction l as [ | a l IH ]; simpl; intros H; [ reflexivity | ].
  rewrite (H a (or_introl eq_refl)), IH; [ reflexivity | intros; apply H; now right ].
Qed.

Lemma sum_plus {A : Type} (f g : A -> R) (l : list A) :
  sum_over (fun a => f a + g a) l = sum_over f l + sum_over g l.
Proof. induction l as [ | a l IH ]; simpl; [ ring | rewrite IH; ring ]. Qed.

Lemma sum_scal {A : Type} (c : R) (f : A -> R) (l : list A) :
  sum_over (fun a => c * f a) l = c * sum_over f l.
Proof. induction l as [ | a l IH ]; simpl; [ ring | rewrite IH; ring ]. Qed.

Lemma sum_0 {A : Type} (f : A -> R) (l : list A) : (forall a, In a l -> f a = 0) -> sum_over f l = 0.
Proof.
  intros H. rewrite (sum_ext f (fun _ => 0) l H). induction l; simpl; [ reflexivity | ].
  rewrite IHl; [ ring | intros; apply H; now right ].
Qed.

Lemma sum_swap {A B : Type} (f : A -> B -> R) (l : list A) (m : list B) :
  sum_over (fun a => sum_over (f a) m) l = sum_over (fun b => sum_over (fun a => f a b) l) m.
Proof.
  induction l as [ | a l IH ]; simpl.
  - symmetry. apply sum_0. reflexivity.
  - rewrite IH. symmetry. apply (sum_plus (f a) (fun b => sum_over (fun x => f x b) l)).
Qed.

(* a sum over those that pass a test, as a sum over all *)
Definition only (b : bool) (x : R) : R := if b then x else 0.

Lemma sum_filter {A : Type} (t : A -> bool) (f : A -> R) (l : list A) :
  sum_over f (filter t l) = sum_over (fun a => only (t a) (f a)) l.
Proof.
  induction l as [ | a l IH ]; simpl; [ reflexivity | ].
  destruct (t a); simpl; rewrite IH; unfold only; ring.
Qed.

Section Paths.
  Context (D : positive -> positive -> R) (edges : list edge) (nodes : list positive).

  Definition into (q : positive) : list edge := filter (fun e => Pos.eqb q (head e)) edges.
  Definition outof (p : positive) : list edge := filter (fun e => Pos.eqb p (foot e)) edges.
  Definition on (q : positive) : bool := existsb (Pos.eqb q) nodes.

  (* every edge goes upwards, between quantities that have a place *)
  Definition upwards : bool :=
    forallb (fun e => Pos.ltb (foot e) (head e) && on (foot e) && on (head e)) edges.

  (* what each quantity is computed from gives its derivative: forward mode *)
  Definition row (q : positive) : Prop :=
    forall p, D q p = if Pos.eqb q p then 1 else total (map (fun e => slope e * D (foot e) p) (into q)).

  Context (up : upwards = true) (rows : Forall row nodes).

  Lemma on_in (q : positive) : on q = true -> In q nodes.
  Proof. unfold on. rewrite existsb_exists. intros [x [I E]]. apply Pos.eqb_eq in E. now subst. Qed.

  Lemma rising (e : edge) : In e edges -> (foot e < head e)%positive /\ In (foot e) nodes.
  Proof.
    intros I. unfold upwards in up. rewrite forallb_forall in up. specialize (up e I).
    apply andb_prop in up as [U _]. apply andb_prop in U as [L F].
    split; [ now apply Pos.ltb_lt | now apply on_in ].
  Qed.

  Lemma in_into (q : positive) (e : edge) : In e (into q) -> In e edges /\ head e = q.
  Proof. unfold into. rewrite filter_In. intros [I E]. apply Pos.eqb_eq in E. now split. Qed.

  Lemma by_row (q p : positive) : In q nodes ->
    D q p = if Pos.eqb q p then 1 else sum_over (fun e => slope e * D (foot e) p) (into q).
  Proof. intros I. rewrite Forall_forall in rows. rewrite (rows q I p), total_map. reflexivity. Qed.

  (* nothing follows from what has a greater number *)
  Lemma before (q p : positive) : In q nodes -> (q < p)%positive -> D q p = 0.
  Proof.
    revert p. induction q as [ q IH ] using (well_founded_induction upward_wf). intros p I L.
    rewrite (by_row q p I), (proj2 (Pos.eqb_neq q p)) by lia. apply sum_0. intros e E.
    destruct (in_into q e E) as [E' H]. destruct (rising e E') as [R N].
    rewrite IH; try assumption; try lia. ring.
  Qed.

  (* 1 in its own place: then nothing else of the row counts *)
  Lemma by_row_plus (q p : positive) : In q nodes ->
    D q p = only (Pos.eqb q p) 1 + sum_over (fun e => slope e * D (foot e) p) (into q).
  Proof.
    intros I. rewrite (by_row q p I). destruct (Pos.eqb_spec q p) as [ <- | ]; unfold only; [ | ring ].
    rewrite sum_0; [ ring | ]. intros e E. destruct (in_into q e E) as [E' H].
    destruct (rising e E') as [R N]. rewrite (before (foot e) q N); [ ring | lia ].
  Qed.

  (* the same derivative by the paths that begin at p: reverse mode *)
  Theorem by_paths (q p : positive) : In q nodes ->
    D q p = only (Pos.eqb q p) 1 + sum_over (fun e => D q (head e) * slope e) (outof p).
  Proof.
    revert p. induction q as [ q IH ] using (well_founded_induction upward_wf). intros p I.
    rewrite (by_row_plus q p I) at 1. f_equal.
    rewrite (sum_ext _ (fun e => only (Pos.eqb (foot e) p) (slope e)
      + sum_over (fun f => slope e * (D (foot e) (head f) * slope f)) (outof p))).
    2: { intros e E. destruct (in_into q e E) as [E' H]. destruct (rising e E') as [R N].
         rewrite (IH (foot e)) by (assumption || lia). rewrite sum_scal.
         unfold only; destruct (Pos.eqb (foot e) p); ring. }
    rewrite sum_plus, sum_swap.
    assert (S : forall f : edge, sum_over (fun e => slope e * (D (foot e) (head f) * slope f)) (into q)
                = (D q (head f) - only (Pos.eqb q (head f)) 1) * slope f).
    { intros f. rewrite (by_row_plus q (head f) I).
      rewrite (sum_ext _ (fun e => slope f * (slope e * D (foot e) (head f)))) by (intros; ring).
      rewrite sum_scal. ring. }
    rewrite (sum_ext _ _ (outof p) (fun f _ => S f)).
    rewrite (sum_ext (fun e => D q (head e) * slope e)
      (fun f => (D q (head f) - only (Pos.eqb q (head f)) 1) * slope f + only (Pos.eqb q (head f)) (slope f))).
    2: { intros f _. unfold only; destruct (Pos.eqb q (head f)); ring. }
    rewrite sum_plus. rewrite Rplus_comm. f_equal.
    unfold into, outof. rewrite !sum_filter. apply sum_ext. intros e _. unfold only.
    rewrite (Pos.eqb_sym p (foot e)). destruct (Pos.eqb q (head e)), (Pos.eqb (foot e) p); reflexivity.
  Qed.

  (* ∂q/∂p = Σ ∂q/∂k · ∂k/∂p over the edges from p *)
  Lemma paths (q p : positive) : on q = true -> Pos.eqb q p = false ->
    D q p = total (map (fun e => D q (head e) * slope e) (outof p)).
  Proof. intros I E. rewrite (by_paths q p (on_in q I)), E, total_map. unfold only. ring. Qed.

  (* ∂q/∂p = Σ ∂q/∂r · ∂r/∂p over the edges into q *)
  Lemma terms (q p : positive) : on q = true -> Pos.eqb q p = false ->
    D q p = total (map (fun e => slope e * D (foot e) p) (into q)).
  Proof. intros I E. rewrite (by_row q p (on_in q I)), E, total_map. reflexivity. Qed.

  Lemma itself (q : positive) : on q = true -> D q q = 1.
  Proof. intros I. rewrite (by_row q q (on_in q I)), Pos.eqb_refl. reflexivity. Qed.

  (* Whatever is not in a set that holds p and all that is computed from it does not follow from p. *)
  Definition belongs (q : positive) (set : list positive) : bool := existsb (Pos.eqb q) set.
  Definition reached (p : positive) : list positive :=
    fold_left (fun set e => if belongs (foot e) set && negb (belongs (head e) set) then head e :: set else set)
      edges [p].
  Definition closed (set : list positive) : bool :=
    forallb (fun e => implb (belongs (foot e) set) (belongs (head e) set)) edges.
  Definition apart (q p : positive) : bool :=
    on q && belongs p (reached p) && closed (reached p) && negb (belongs q (reached p)).

  Lemma no_path (q p : positive) : apart q p = true -> D q p = 0.
  Proof.
    unfold apart. generalize (reached p); intros set A.
    apply andb_prop in A as [A N]. apply andb_prop in A as [A C]. apply andb_prop in A as [I P].
    apply negb_true_iff in N. apply on_in in I. unfold closed in C. rewrite forallb_forall in C.
    revert I N. induction q as [ q IH ] using (well_founded_induction upward_wf). intros I N.
    rewrite (by_row q p I). destruct (Pos.eqb_spec q p) as [ -> | _ ]; [ congruence | ].
    apply sum_0. intros e E. destruct (in_into q e E) as [E' H]. destruct (rising e E') as [R F].
    specialize (C e E'). destruct (belongs (foot e) set) eqn:B.
    - simpl in C. rewrite H in C. congruence.
    - rewrite IH; try assumption; [ ring | lia ].
  Qed.

  (* ∂q/∂p along the edge from p alone, where nothing else that q is computed from follows from p *)
  Definition alone (q p : positive) : bool :=
    on q && on p && negb (Pos.eqb q p) && belongs p (reached p) && closed (reached p) &&
    forallb (fun e => Pos.eqb p (foot e) || negb (belongs (foot e) (reached p))) (into q).

  Lemma direct (q p : positive) : alone q p = true ->
    D q p = total (map slope (filter (fun e => Pos.eqb p (foot e)) (into q))).
  Proof.
    unfold alone. intros A.
    apply andb_prop in A as [A O]. apply andb_prop in A as [A C]. apply andb_prop in A as [A P].
    apply andb_prop in A as [A N]. apply andb_prop in A as [I J]. apply negb_true_iff in N.
    rewrite (terms q p I N), !total_map, sum_filter. apply sum_ext. intros e E.
    rewrite forallb_forall in O. specialize (O e E). destruct (in_into q e E) as [E' H].
    unfold only. destruct (Pos.eqb_spec p (foot e)) as [ <- | ].
    - rewrite (itself p J). ring.
    - simpl in O. rewrite (no_path (foot e) p); [ ring | ]. unfold apart.
      rewrite P, C, O. destruct (rising e E') as [_ F].
      assert (on (foot e) = true) as ->; [ | reflexivity ].
      unfold on. apply existsb_exists. exists (foot e). split; [ exact F | apply Pos.eqb_refl ].
  Qed.
End Paths.

(* q with the place p overwritten by v, when q has the place i *)
Definition put (i p : positive) (v q : R) : R := if Pos.eqb i p then v else q.

Lemma m_put {i p : positive} {f : R -> R} {x q l : R} :
  (i = p -> x = q) -> (Pos.eqb i p = false -> moves f x q l) ->
  moves (fun v => put i p v (f v)) x q (if Pos.eqb i p then 1 else l).
Proof.
  intros V F. unfold put. destruct (Pos.eqb_spec i p) as [ E | N ].
  - rewrite <- (V E). apply m_id.
  - exact (F eq_refl).
Qed.

(* What the derivative d of f is called, and what it is. *)
Lemma m_place {d : R} {f : R -> R} {x q l : R} : d = Derive f x -> moves f x q l -> moves f x q d /\ d = l.
Proof. intros -> [V F]. rewrite (is_derive_unique f x l F). now split. Qed.

(* A slope as a sum over edges. *)
Ltac linear := first [ ring | field; side | by_cases; first [ ring | field; side ] ].

(* The two sides of a step, all that is known put in; with every function opened if need be. *)
Ltac closes every := first [ ring | solve [ rational ] | solve [ by_cases; signs; rational ] | line idtac every ].
