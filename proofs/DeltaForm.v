(* The delta form, proved once for every network of dense layers.

   For a layer of any width n below a layer of any width m:

       delta_j = (sum over k < m of delta_k * w_kj) * f'(net_j)

   where every delta is a true partial derivative, dE/dnet_j: Coquelicot's is_derive of the error as a
   function of net_j alone. By induction over the layers: the backward recursion finds dE/dnet of every
   layer of a network of any depth, and with it

       dE/dw_ji = delta_j * y_i        dE/db_j = delta_j

   Units of a layer of width n are counted 0, 1, ..., n - 1; a list of numbers, one for each unit, is a
   function nat -> R of which only the first n values are read. *)

From Coq Require Import Reals Lra List PeanoNat Lia.
From Coquelicot Require Import Coquelicot.
Import ListNotations.
Open Scope R_scope.

(* ================================================================== *)
(** * Finite sums *)

(* f 0 + f 1 + ... + f (n - 1) *)
Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with
  | O => 0
  | S n => sum n f + f n
  end.

(* Sums of equal terms are equal. *)
Lemma sum_ext (n : nat) (f g : nat -> R) :
  (forall k, (k < n)%nat -> f k = g k) -> sum n f = sum n g.
Proof.
  induction n as [|n IH]; simpl; intros H; [reflexivity|].
  rewrite IH by (intros; apply H; lia). rewrite H by lia. reflexivity.
Qed.

Lemma sum_zero (n : nat) : sum n (fun _ => 0) = 0.
Proof. induction n as [|n IH]; simpl; [reflexivity | rewrite IH; ring]. Qed.

Lemma sum_plus (n : nat) (f g : nat -> R) :
  sum n (fun k => f k + g k) = sum n f + sum n g.
Proof. induction n as [|n IH]; simpl; [ring | rewrite IH; ring]. Qed.

Lemma sum_scal_r (n : nat) (f : nat -> R) (c : R) :
  sum n (fun k => f k * c) = sum n f * c.
Proof. induction n as [|n IH]; simpl; [ring | rewrite IH; ring]. Qed.

Lemma sum_scal_l (n : nat) (f : nat -> R) (c : R) :
  sum n (fun k => c * f k) = c * sum n f.
Proof. induction n as [|n IH]; simpl; [ring | rewrite IH; ring]. Qed.

(* Two sums may change places. *)
Lemma sum_swap (m n : nat) (f : nat -> nat -> R) :
  sum m (fun k => sum n (fun j => f k j)) = sum n (fun j => sum m (fun k => f k j)).
Proof.
  induction m as [|m IH]; simpl; [symmetry; apply sum_zero|].
  rewrite IH, <- sum_plus. reflexivity.
Qed.

(* A sum of which one term alone is not 0 is that term. *)
Lemma sum_one (n j : nat) (f : nat -> R) :
  (j < n)%nat -> (forall k, (k < n)%nat -> k <> j -> f k = 0) -> sum n f = f j.
Proof.
  induction n as [|n IH]; simpl; intros Hj H; [lia|].
  destruct (Nat.eq_dec j n) as [->|Hne].
  - rewrite (sum_ext n f (fun _ => 0)) by (intros; apply H; lia).
    rewrite sum_zero; ring.
  - rewrite IH by (try lia; intros; apply H; lia). rewrite (H n) by lia; ring.
Qed.

(* ================================================================== *)
(** * Rules of differentiation, over plain real numbers *)

Lemma d_val (f : R -> R) (x l l' : R) : is_derive f x l -> l = l' -> is_derive f x l'.
Proof. now intros H <-. Qed.

Lemma d_ext (f g : R -> R) (x l : R) : (forall y, f y = g y) -> is_derive f x l -> is_derive g x l.
Proof. intros; now apply (is_derive_ext f). Qed.

Lemma d_const (c x : R) : is_derive (fun _ : R => c) x 0.
Proof. exact (@is_derive_const R_AbsRing R_NormedModule c x). Qed.

Lemma d_id (x : R) : is_derive (fun y : R => y) x 1.
Proof. exact (@is_derive_id R_AbsRing x). Qed.

Lemma d_plus (f g : R -> R) (x df dg : R) :
  is_derive f x df -> is_derive g x dg -> is_derive (fun y => f y + g y) x (df + dg).
Proof. intros; now apply (is_derive_plus (V := R_NormedModule)). Qed.

Lemma d_mult (f g : R -> R) (x df dg : R) :
  is_derive f x df -> is_derive g x dg -> is_derive (fun y => f y * g y) x (df * g x + f x * dg).
Proof. intros Hf Hg. apply (is_derive_mult f g x df dg Hf Hg). intros; apply Rmult_comm. Qed.

(* The chain rule, the outer derivative first. *)
Lemma d_chain (f g : R -> R) (x df dg : R) :
  is_derive f (g x) df -> is_derive g x dg -> is_derive (fun y => f (g y)) x (df * dg).
Proof.
  intros Hf Hg. apply (d_val _ _ (dg * df)); [| apply Rmult_comm].
  exact (is_derive_comp f g x df dg Hf Hg).
Qed.

(* The derivative of a finite sum is the sum of the derivatives. *)
Lemma d_sum (n : nat) (f : R -> nat -> R) (x : R) (d : nat -> R) :
  (forall k, (k < n)%nat -> is_derive (fun y => f y k) x (d k)) ->
  is_derive (fun y => sum n (f y)) x (sum n d).
Proof.
  induction n as [|n IH]; simpl; intros H; [apply d_const|].
  apply (d_plus (fun y => sum n (f y))); [apply IH; intros; apply H | apply H]; lia.
Qed.

(* ================================================================== *)
(** * Gradients *)

(* `gradient n E z g`: the numbers g_0, ..., g_(n-1) are the gradient of E at z. That is: along every
   curve u that comes through z at some time t with the velocities d_k, the derivative of E is
   sum over k of g_k * d_k.

   This is what "E is differentiable at z" says; nothing is asked of the shape of E. *)
Definition gradient (n : nat) (E : (nat -> R) -> R) (z g : nat -> R) : Prop :=
  forall (u : R -> nat -> R) (d : nat -> R) (t : R),
    (forall k, (k < n)%nat -> u t k = z k) ->
    (forall k, (k < n)%nat -> is_derive (fun s => u s k) t (d k)) ->
    is_derive (fun s => E (u s)) t (sum n (fun k => g k * d k)).

(* The list z with v in place of its number j. *)
Definition put (z : nat -> R) (j : nat) (v : R) : nat -> R :=
  fun k => if Nat.eqb k j then v else z k.

(* The numbers of a gradient are the partial derivatives: E as a function of z_j alone, all others kept. *)
Theorem gradient_is_partial (n : nat) (E : (nat -> R) -> R) (z g : nat -> R) (j : nat) :
  gradient n E z g -> (j < n)%nat -> is_derive (fun v => E (put z j v)) (z j) (g j).
Proof.
  intros H Hj.
  apply (d_val _ _ (sum n (fun k => g k * (if Nat.eqb k j then 1 else 0)))).
  - apply H; intros k Hk; unfold put; destruct (Nat.eqb_spec k j) as [->|];
      [reflexivity | reflexivity | apply d_id | apply d_const].
  - rewrite (sum_one n j); [rewrite Nat.eqb_refl; ring | assumption |].
    intros k _ Hne. apply Nat.eqb_neq in Hne. rewrite Hne; ring.
Qed.

(* ================================================================== *)
(** * One layer *)

(* A layer: how many units it has; w k j, the weight to its unit k from the unit j below; b k, the bias of
   unit k; its activation f and the derivative f' of that. *)
Record layer := Layer {
  width : nat;
  weight : nat -> nat -> R;
  bias : nat -> R;
  act : R -> R;
  slope : R -> R
}.

(* net_k = sum over j < n of w_kj * y_j, plus b_k: the weighted sums of a layer above n units with the
   outputs y. *)
Definition nets (l : layer) (n : nat) (y : nat -> R) : nat -> R :=
  fun k => sum n (fun j => weight l k j * y j) + bias l k.

(* y_k = f(net_k): the outputs of a layer whose weighted sums are z. *)
Definition outputs (l : layer) (z : nat -> R) : nat -> R :=
  fun k => act l (z k).

(* What unit j hears of the error from the layer l above it: sum over k of delta_k * w_kj. *)
Definition heard (l : layer) (delta : nat -> R) : nat -> R :=
  fun j => sum (width l) (fun k => delta k * weight l k j).

(* Through the weights: if delta is dE/dnet of a layer l, then dE/dy_j = sum over k of delta_k * w_kj for
   every output y_j below it. *)
Lemma gradient_through_weights (l : layer) (n : nat) (E : (nat -> R) -> R) (y delta : nat -> R) :
  gradient (width l) E (nets l n y) delta ->
  gradient n (fun y => E (nets l n y)) y (heard l delta).
Proof.
  intros H u d t Hu Hd.
  apply (d_val _ _ (sum (width l) (fun k => delta k * sum n (fun j => weight l k j * d j)))).
  - apply (H (fun s => nets l n (u s))); intros k Hk.
    + unfold nets. f_equal. apply sum_ext; intros j Hj. now rewrite Hu.
    + unfold nets.
      apply (d_val _ _ (sum n (fun j => weight l k j * d j) + 0)); [| ring].
      apply d_plus; [| apply d_const].
      apply (d_sum n (fun s j => weight l k j * u s j)); intros j Hj.
      apply (d_val _ _ (0 * u t j + weight l k j * d j)); [| ring].
      apply (d_mult (fun _ => weight l k j)); [apply d_const | now apply Hd].
  - unfold heard.
    rewrite (sum_ext _ _ (fun k => sum n (fun j => delta k * weight l k j * d j))).
    + rewrite sum_swap. apply sum_ext; intros j _. apply sum_scal_r.
    + intros k _. rewrite <- sum_scal_l. apply sum_ext; intros; ring.
Qed.

(* Through the activation: if g is dE/dy of a layer's outputs, then dE/dnet_j = g_j * f'(net_j). *)
Lemma gradient_through_activation (l : layer) (E : (nat -> R) -> R) (z g : nat -> R) :
  (forall j, (j < width l)%nat -> is_derive (act l) (z j) (slope l (z j))) ->
  gradient (width l) E (outputs l z) g ->
  gradient (width l) (fun z => E (outputs l z)) z (fun j => g j * slope l (z j)).
Proof.
  intros Hf H u d t Hu Hd.
  apply (d_val _ _ (sum (width l) (fun k => g k * (slope l (z k) * d k)))).
  - apply (H (fun s => outputs l (u s))); intros k Hk; unfold outputs.
    + now rewrite Hu.
    + apply (d_chain (act l)); [rewrite Hu by assumption; now apply Hf | now apply Hd].
  - apply sum_ext; intros; ring.
Qed.

(* THE DELTA FORM. E is any function of the weighted sums of the layer `above`, delta its true gradient
   there. Below it lies the layer `l`, of any width, with the weighted sums z at which its activation is
   differentiable. Then, for each unit j of l, with E as a function of net_j alone:

       dE/dnet_j = (sum over k of delta_k * w_kj) * f'(net_j). *)
Theorem delta_form (l above : layer) (E : (nat -> R) -> R) (z delta : nat -> R) :
  (forall j, (j < width l)%nat -> is_derive (act l) (z j) (slope l (z j))) ->
  gradient (width above) E (nets above (width l) (outputs l z)) delta ->
  forall j, (j < width l)%nat ->
  is_derive (fun v => E (nets above (width l) (outputs l (put z j v)))) (z j)
    (sum (width above) (fun k => delta k * weight above k j) * slope l (z j)).
Proof.
  intros Hf H j Hj.
  apply (gradient_is_partial (width l) (fun z => E (nets above (width l) (outputs l z))) z
           (fun j => heard above delta j * slope l (z j))); [| assumption].
  apply (gradient_through_activation l (fun y => E (nets above (width l) y))); [assumption|].
  now apply gradient_through_weights.
Qed.

(* ================================================================== *)
(** * Any number of layers *)

(* A network is a list of layers, the lowest first. What it answers to n inputs y: the outputs of its last
   layer. *)
Fixpoint run (n : nat) (network : list layer) (y : nat -> R) : nat -> R :=
  match network with
  | [] => y
  | l :: above => run (width l) above (outputs l (nets l n y))
  end.

(* How many outputs a network on n inputs has. *)
Fixpoint size (n : nat) (network : list layer) : nat :=
  match network with
  | [] => n
  | l :: above => size (width l) above
  end.

(* Every activation is differentiable where the network uses it: at the weighted sums of its layer. *)
Fixpoint differentiable (n : nat) (network : list layer) (y : nat -> R) : Prop :=
  match network with
  | [] => True
  | l :: above =>
      (forall j, (j < width l)%nat -> is_derive (act l) (nets l n y j) (slope l (nets l n y j))) /\
      differentiable (width l) above (outputs l (nets l n y))
  end.

(* What the outputs below a network hear of the error, when the deltas of its layers are given: of the first
   layer by the weights; of a network without layers, g, the gradient of the error by its outputs. *)
Definition heard_from (network : list layer) (found : list (nat -> R)) (g : nat -> R) : nat -> R :=
  match network, found with
  | above :: _, delta :: _ => heard above delta
  | _, _ => g
  end.

(* THE BACKWARD RECURSION: the deltas of all layers, the lowest first. Those above are found first, then

       delta_j = (sum over k of delta_k * w_kj) * f'(net_j),

   in the last layer delta_j = g_j * f'(net_j). *)
Fixpoint deltas (n : nat) (network : list layer) (y g : nat -> R) : list (nat -> R) :=
  match network with
  | [] => []
  | l :: above =>
      let z := nets l n y in
      let found := deltas (width l) above (outputs l z) g in
      (fun j => heard_from above found g j * slope l (z j)) :: found
  end.

(* By induction over the layers: what the outputs below a network hear of the error is its gradient by
   them. *)
Lemma gradient_through_network (E : (nat -> R) -> R) (g : nat -> R) (network : list layer) :
  forall (n : nat) (y : nat -> R),
  differentiable n network y ->
  gradient (size n network) E (run n network y) g ->
  gradient n (fun y => E (run n network y)) y (heard_from network (deltas n network y g) g).
Proof.
  induction network as [|l above IH]; simpl; intros n y; [easy|].
  intros [Hf Habove] Hg.
  apply (gradient_through_weights l n (fun z => E (run (width l) above (outputs l z)))).
  apply (gradient_through_activation l (fun y => E (run (width l) above y))); [assumption|].
  now apply IH.
Qed.

(* Layers one upon another: the lower ones run first. *)
Lemma run_app (below rest : list layer) : forall (n : nat) (y : nat -> R),
  run n (below ++ rest) y = run (size n below) rest (run n below y).
Proof. induction below as [|l below IH]; simpl; intros; [reflexivity | apply IH]. Qed.

Lemma size_app (below rest : list layer) : forall n, size n (below ++ rest) = size (size n below) rest.
Proof. induction below as [|l below IH]; simpl; intros; [reflexivity | apply IH]. Qed.

Lemma differentiable_app (below rest : list layer) : forall (n : nat) (y : nat -> R),
  differentiable n (below ++ rest) y -> differentiable (size n below) rest (run n below y).
Proof. induction below as [|l below IH]; simpl; intros n y; [easy | intros [_ H]; now apply IH]. Qed.

Lemma deltas_app (below rest : list layer) (g : nat -> R) : forall (n : nat) (y : nat -> R) (i : nat),
  nth (length below + i) (deltas n (below ++ rest) y g) =
  nth i (deltas (size n below) rest (run n below y) g).
Proof. induction below as [|l below IH]; simpl; intros; [reflexivity | apply IH]. Qed.

(* What follows speaks of one network: any layers `below`, a layer `l`, any layers `above`, so l may be any
   layer of it. E is any function of its outputs, with the gradient g there; x are its n inputs. *)
Section Network.

Variables (below above : list layer) (l : layer).
Variables (n : nat) (x : nat -> R).
Variables (E : (nat -> R) -> R) (g : nat -> R).

Let network : list layer := below ++ l :: above.

Hypothesis smooth : differentiable n network x.
Hypothesis error_gradient : gradient (size n network) E (run n network x) g.

(* The outputs of the layer below l, or the inputs; how many they are. *)
Let inputs : nat := size n below.
Let y : nat -> R := run n below x.

(* The weighted sums of l, and the deltas that the recursion finds for it. *)
Let net : nat -> R := nets l inputs y.
Let delta : nat -> R := nth (length below) (deltas n network x g) (fun _ => 0).

Lemma delta_eq (j : nat) :
  delta j = heard_from above (deltas (width l) above (outputs l net) g) g j * slope l (net j).
Proof.
  unfold delta, network. rewrite <- (Nat.add_0_r (length below)), deltas_app. reflexivity.
Qed.

Lemma gradient_at_outputs :
  gradient (width l) (fun y => E (run (width l) above y)) (outputs l net)
    (heard_from above (deltas (width l) above (outputs l net) g) g).
Proof.
  assert (H := differentiable_app _ _ _ _ smooth). assert (Hg := error_gradient).
  unfold network in Hg. rewrite run_app, size_app in Hg. simpl in H, Hg.
  now apply gradient_through_network.
Qed.

(* The recursion finds the true dE/dnet of the layer l, all its units together ... *)
Theorem recursion_is_gradient :
  gradient (width l) (fun z => E (run (width l) above (outputs l z))) net delta.
Proof.
  assert (H := differentiable_app _ _ _ _ smooth). simpl in H.
  intros u d t Hu Hd.
  apply (d_val _ _ (sum (width l) (fun k =>
           heard_from above (deltas (width l) above (outputs l net) g) g k * slope l (net k) * d k))).
  - apply (gradient_through_activation l (fun y => E (run (width l) above y)) net _ (proj1 H)
             gradient_at_outputs); assumption.
  - apply sum_ext; intros k _. now rewrite delta_eq.
Qed.

(* ... and each unit by itself: delta_j is the derivative of the error as a function of net_j alone. *)
Theorem recursion_is_partial (j : nat) : (j < width l)%nat ->
  is_derive (fun v => E (run (width l) above (outputs l (put net j v)))) (net j) (delta j).
Proof.
  apply (gradient_is_partial (width l) (fun z => E (run (width l) above (outputs l z)))).
  exact recursion_is_gradient.
Qed.

(* The recursion as it is written on the board, for a layer that is not the last. *)
Theorem recursion_step (next : layer) (further : list layer) (j : nat) : above = next :: further ->
  delta j = sum (width next) (fun k =>
              nth (S (length below)) (deltas n network x g) (fun _ => 0) k * weight next k j)
            * slope l (net j).
Proof.
  intros Habove. rewrite delta_eq. unfold network.
  rewrite Habove, <- (Nat.add_1_r (length below)), deltas_app. reflexivity.
Qed.

(* Where the recursion starts: the last layer. *)
Theorem recursion_start (j : nat) : above = [] -> delta j = g j * slope l (net j).
Proof. intros Habove. rewrite delta_eq, Habove. reflexivity. Qed.

(* Any change of l: its weighted sums move with the velocities d, all else is kept. *)
Lemma derivative_by_layer (change : R -> layer) (d : nat -> R) (t : R) :
  (forall v, width (change v) = width l /\ act (change v) = act l) ->
  (forall k, (k < width l)%nat -> nets (change t) inputs y k = net k) ->
  (forall k, (k < width l)%nat -> is_derive (fun v => nets (change v) inputs y k) t (d k)) ->
  is_derive (fun v => E (run n (below ++ change v :: above) x)) t (sum (width l) (fun k => delta k * d k)).
Proof.
  intros Hsame Ht Hd.
  apply (d_ext (fun v => E (run (width l) above (outputs l (nets (change v) inputs y))))).
  - intros v. rewrite run_app. simpl. unfold outputs. destruct (Hsame v) as [-> ->]. reflexivity.
  - now apply (recursion_is_gradient (fun v => nets (change v) inputs y)).
Qed.

(* The layer l with v in place of its weight w_ji. *)
Definition with_weight (j i : nat) (v : R) : layer :=
  Layer (width l) (fun k => if Nat.eqb k j then put (weight l j) i v else weight l k)
        (bias l) (act l) (slope l).

(* dE/dw_ji = delta_j * y_i, for each weight of each layer: the whole network's error as a function of
   that weight alone. *)
Theorem derivative_by_weight (j i : nat) : (j < width l)%nat -> (i < inputs)%nat ->
  is_derive (fun v => E (run n (below ++ with_weight j i v :: above) x)) (weight l j i) (delta j * y i).
Proof.
  intros Hj Hi.
  apply (d_val _ _ (sum (width l) (fun k => delta k * (if Nat.eqb k j then y i else 0)))).
  - apply derivative_by_layer; [easy | |]; intros k Hk; unfold net, nets; simpl;
      destruct (Nat.eqb_spec k j) as [->|].
    + f_equal. apply sum_ext; intros c _. unfold put. now destruct (Nat.eqb_spec c i) as [->|].
    + reflexivity.
    + apply (d_val _ _ (sum inputs (fun c => if Nat.eqb c i then y i else 0) + 0)).
      * apply d_plus; [| apply d_const].
        apply (d_sum inputs (fun v c => put (weight l j) i v c * y c)); intros c Hc. unfold put.
        destruct (Nat.eqb_spec c i) as [->|]; [| apply d_const].
        apply (d_val _ _ (1 * y i + weight l j i * 0)); [| ring].
        apply (d_mult (fun v => v)); [apply d_id | apply d_const].
      * rewrite (sum_one inputs i), Nat.eqb_refl; [ring | assumption |].
        intros c _ Hne. apply Nat.eqb_neq in Hne. now rewrite Hne.
    + apply d_const.
  - rewrite (sum_one (width l) j), Nat.eqb_refl; [reflexivity | assumption |].
    intros k _ Hne. apply Nat.eqb_neq in Hne. rewrite Hne; ring.
Qed.

(* The layer l with v in place of its bias b_j. *)
Definition with_bias (j : nat) (v : R) : layer :=
  Layer (width l) (weight l) (put (bias l) j v) (act l) (slope l).

(* dE/db_j = delta_j, for a bias of each unit. *)
Theorem derivative_by_bias (j : nat) : (j < width l)%nat ->
  is_derive (fun v => E (run n (below ++ with_bias j v :: above) x)) (bias l j) (delta j).
Proof.
  intros Hj.
  apply (d_val _ _ (sum (width l) (fun k => delta k * (if Nat.eqb k j then 1 else 0)))).
  - apply derivative_by_layer; [easy | |]; intros k Hk; unfold net, nets; simpl; unfold put.
    + now destruct (Nat.eqb_spec k j) as [->|].
    + apply (d_val _ _ (0 + (if Nat.eqb k j then 1 else 0))); [| ring].
      apply (d_plus (fun _ => _)); [apply d_const |].
      destruct (Nat.eqb k j); [apply d_id | apply d_const].
  - rewrite (sum_one (width l) j), Nat.eqb_refl; [ring | assumption |].
    intros k _ Hne. apply Nat.eqb_neq in Hne. rewrite Hne; ring.
Qed.

(* The layer l with the one bias v for all its units. *)
Definition with_one_bias (v : R) : layer :=
  Layer (width l) (weight l) (fun _ => v) (act l) (slope l).

(* dE/db = sum over j of delta_j, where the units of a layer share one bias b. *)
Theorem derivative_by_shared_bias (b : R) : (forall j, (j < width l)%nat -> bias l j = b) ->
  is_derive (fun v => E (run n (below ++ with_one_bias v :: above) x)) b (sum (width l) delta).
Proof.
  intros Hb.
  apply (d_val _ _ (sum (width l) (fun k => delta k * 1))).
  - apply derivative_by_layer; [easy | |]; intros k Hk; unfold net, nets; simpl.
    + now rewrite Hb.
    + apply (d_val _ _ (0 + 1)); [| ring]. apply (d_plus (fun _ => _)); [apply d_const | apply d_id].
  - rewrite sum_scal_r; ring.
Qed.

End Network.

(* ================================================================== *)
(** * Errors to which all this applies *)

(* An error that is a sum over the outputs, each with a loss of its own: its gradient is the losses'
   derivatives. *)
Lemma gradient_of_sum (n : nat) (loss slope : nat -> R -> R) (o : nat -> R) :
  (forall k, (k < n)%nat -> is_derive (loss k) (o k) (slope k (o k))) ->
  gradient n (fun o => sum n (fun k => loss k (o k))) o (fun k => slope k (o k)).
Proof.
  intros H u d t Hu Hd.
  apply (d_sum n (fun s k => loss k (u s k))); intros k Hk.
  apply (d_chain (loss k)); [rewrite Hu by assumption; now apply H | now apply Hd].
Qed.

(* Half the sum of squared errors, E = sum over k of (t_k - o_k)^2 / 2: dE/do_k = o_k - t_k. *)
Theorem gradient_of_half_sse (n : nat) (target o : nat -> R) :
  gradient n (fun o => sum n (fun k => (target k - o k) ^ 2 / 2)) o (fun k => o k - target k).
Proof.
  apply (gradient_of_sum n (fun k v => (target k - v) ^ 2 / 2) (fun k v => v - target k)).
  intros k _. auto_derive; [exact I | field].
Qed.

(* Softmax with cross-entropy, by the weighted sums z of an output layer without an activation of its own:
   E = sum over k of t_k * (ln (sum over i of e^(z_i)) - z_k), so
   dE/dz_k = (sum over i of t_i) * p_k - t_k with p_k = e^(z_k) / (sum over i of e^(z_i)).
   Here E is no sum over the outputs: each output's part depends on all of them. *)
Theorem gradient_of_softmax_cross_entropy (n : nat) (target z : nat -> R) : (0 < n)%nat ->
  gradient n (fun z => sum n (fun k => target k * (ln (sum n (fun i => exp (z i))) - z k))) z
    (fun k => sum n target * (exp (z k) / sum n (fun i => exp (z i))) - target k).
Proof.
  intros Hn u d t Hu Hd.
  set (total := sum n (fun i => exp (z i))).
  assert (Htotal : 0 < total).
  { unfold total. destruct n as [|n]; [lia|]. clear. simpl.
    assert (0 <= sum n (fun i => exp (z i))).
    { induction n as [|n IH]; simpl; [lra | generalize (exp_pos (z n)); lra]. }
    generalize (exp_pos (z n)); lra. }
  assert (Hsum : is_derive (fun s => sum n (fun i => exp (u s i))) t (sum n (fun i => exp (z i) * d i))).
  { apply (d_sum n (fun s i => exp (u s i))); intros i Hi. rewrite <- Hu by assumption.
    apply (d_chain exp); [apply is_derive_exp | now apply Hd]. }
  assert (Hnow : sum n (fun i => exp (u t i)) = total).
  { unfold total. apply sum_ext; intros i Hi. now rewrite Hu. }
  assert (Hln : is_derive (fun s => ln (sum n (fun i => exp (u s i)))) t
                  (/ total * sum n (fun i => exp (z i) * d i))).
  { apply (d_chain ln); [rewrite Hnow; now apply is_derive_ln | exact Hsum]. }
  set (mean := / total * sum n (fun i => exp (z i) * d i)) in *.
  apply (d_val _ _ (sum n (fun k => target k * (mean - d k)))).
  - apply (d_sum n (fun s k => target k * (ln (sum n (fun i => exp (u s i))) - u s k))); intros k Hk.
    apply is_derive_scal.
    apply (is_derive_minus (V := R_NormedModule) (fun s => ln (sum n (fun i => exp (u s i)))));
      [exact Hln | now apply Hd].
  - rewrite (sum_ext _ _ (fun k => target k * mean + - 1 * (target k * d k))) by (intros; ring).
    rewrite sum_plus, sum_scal_l, sum_scal_r.
    rewrite (sum_ext n (fun k => (sum n target * (exp (z k) / total) - target k) * d k)
               (fun k => sum n target * (/ total * (exp (z k) * d k)) + - 1 * (target k * d k))).
    + rewrite sum_plus, !sum_scal_l. reflexivity.
    + intros k _. field. lra.
Qed.

(* ================================================================== *)
(** * An example: two inputs, two hidden units, two outputs *)

(* The sigmoid; its derivative by its value. *)
Definition sigmoid (v : R) : R := / (1 + exp (- v)).

Lemma d_sigmoid (v : R) : is_derive sigmoid v (sigmoid v * (1 - sigmoid v)).
Proof.
  unfold sigmoid. assert (0 < 1 + exp (- v)) by (generalize (exp_pos (- v)); lra).
  auto_derive; [lra | field; lra].
Qed.

(* Two units with the weights a b (first unit) and c d (second unit), and a bias of 1. *)
Definition two_units (a b c d : R) : layer :=
  Layer 2 (fun k j => match k, j with O, O => a | O, _ => b | _, O => c | _, _ => d end)
    (fun _ => 1) sigmoid (fun v => sigmoid v * (1 - sigmoid v)).

(* The theorems above, applied: dE/dw_11 of the 2-2-2 network with half the sum of squared errors,
   written out as a lecture does. *)
Theorem example (w11 w12 w21 w22 w31 w32 w41 w42 x1 x2 t1 t2 : R) :
  let h1 := sigmoid (w11 * x1 + w12 * x2 + 1) in
  let h2 := sigmoid (w21 * x1 + w22 * x2 + 1) in
  let o1 := sigmoid (w31 * h1 + w32 * h2 + 1) in
  let o2 := sigmoid (w41 * h1 + w42 * h2 + 1) in
  is_derive (fun w11 =>
      let h1 := sigmoid (w11 * x1 + w12 * x2 + 1) in
      (t1 - sigmoid (w31 * h1 + w32 * h2 + 1)) ^ 2 / 2 + (t2 - sigmoid (w41 * h1 + w42 * h2 + 1)) ^ 2 / 2)
    w11
    (((o1 - t1) * (o1 * (1 - o1)) * w31 + (o2 - t2) * (o2 * (1 - o2)) * w41) * (h1 * (1 - h1)) * x1).
Proof.
  intros h1 h2 o1 o2.
  set (pair := fun a b k => match k with O => a | S _ => b end : R).
  set (target := pair t1 t2). set (x := pair x1 x2).
  set (hidden := two_units w11 w12 w21 w22). set (out := two_units w31 w32 w41 w42).
  assert (H := derivative_by_weight [] [out] hidden 2 x
                 (fun o => sum 2 (fun k => (target k - o k) ^ 2 / 2))
                 (fun k => run 2 [hidden; out] x k - target k)).
  assert (Hsmooth : differentiable 2 ([] ++ [hidden; out]) x)
    by (split; [| split; [| exact I]]; intros; apply d_sigmoid).
  specialize (H Hsmooth (gradient_of_half_sse 2 target _) O O Nat.lt_0_2 Nat.lt_0_2).
  cbv -[sigmoid Rplus Rmult Rminus Rdiv pow IZR is_derive] in H.
  eapply d_val; [eapply d_ext; [| exact H] |].
  - intros v. unfold h2. now rewrite !Rplus_0_l.
  - unfold o1, o2, h1, h2. now rewrite !Rplus_0_l.
Qed.

(* ================================================================== *)
(** * What the proofs rest on *)

(* All theorems together, so that Coq looks through their proofs once. It names what they take for granted:
   the axioms by which its library makes the real numbers, and no other. *)
Definition every_theorem : True :=
  let _ := delta_form in
  let _ := recursion_is_gradient in
  let _ := recursion_is_partial in
  let _ := recursion_step in
  let _ := recursion_start in
  let _ := derivative_by_weight in
  let _ := derivative_by_bias in
  let _ := derivative_by_shared_bias in
  let _ := gradient_of_half_sse in
  let _ := gradient_of_softmax_cross_entropy in
  let _ := example in
  I.
Print Assumptions every_theorem.
