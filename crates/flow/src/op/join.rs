//! Equi-joins with residual conditions: inner, left, right, full, semi, anti and mark.
//!
//! Delta rule: `d(L >< R) = before(L) >< dR + dL >< after(R)`; a self-join falls out of it. What an outer, semi,
//! anti or mark join adds depends on whether a row has matches, so each stored row carries the number of its
//! matches (residual included), and its extra output flips exactly where that number leaves or reaches zero.
//! Cost: O(changed rows and their matches). State: both inputs, arranged by the join key.
//!
//! NULL keys match nothing, unless the join says that NULL equals NULL; duplicates multiply their weights.

use super::map::truth;
use super::{Operator, Step};
use crate::arrangement::{Arrangement, Slot};
use crate::{Delta, Result};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt32Array, new_null_array};
use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use sluice_zset::{ZBatch, ZError, gather};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Pairs evaluated and emitted at a time.
const PAIRS: usize = 16_384;

/// What a join keeps of rows without a match. Right semi and anti joins are these with the sides exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// Matching pairs.
    Inner,
    /// Also left rows without a match, padded with NULLs.
    Left,
    /// Also right rows without a match.
    Right,
    /// Both.
    Full,
    /// Left rows that have a match.
    LeftSemi,
    /// Left rows that have none.
    LeftAnti,
    /// Left rows with a column that says whether they have a match.
    LeftMark,
}

/// The form in which a row appears because of, or for lack of, its matches.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Padded,
    Plain,
    Mark(bool),
}

impl JoinKind {
    fn pairs(self) -> bool {
        matches!(self, Self::Inner | Self::Left | Self::Right | Self::Full)
    }

    fn form(self, side: usize, matched: bool) -> Option<Form> {
        match (self, side, matched) {
            (Self::Left | Self::Full, LEFT, false) | (Self::Right | Self::Full, RIGHT, false) => Some(Form::Padded),
            (Self::LeftSemi, LEFT, true) | (Self::LeftAnti, LEFT, false) => Some(Form::Plain),
            (Self::LeftMark, LEFT, _) => Some(Form::Mark(matched)),
            _ => None,
        }
    }

    /// Whether rows of that side need their matches counted.
    fn counts(self, side: usize) -> bool {
        self.form(side, true) != self.form(side, false)
    }
}

const LEFT: usize = 0;
const RIGHT: usize = 1;

/// See the module's page.
pub struct Join {
    kind: JoinKind,
    sides: [Arrangement; 2],
    residual: Option<Arc<dyn PhysicalExpr>>,
    pair_schema: SchemaRef,
    schema: SchemaRef,
    nulls_match: bool,
    /// Whether this step's output is taken by anything.
    emitting: bool,
}

/// How the two inputs of a [`Join`] are laid out.
pub struct JoinLayout {
    /// Schema of the left rows, and the columns of the key.
    pub left: (SchemaRef, Vec<usize>),
    /// Schema of the right rows, and the columns of the key, of the same types.
    pub right: (SchemaRef, Vec<usize>),
    /// Left columns then right columns, over which the residual condition is evaluated.
    pub pairs: SchemaRef,
    /// Schema of the output.
    pub output: SchemaRef,
}

impl Join {
    /// `residual` must hold beside the equality of the keys; `nulls_match` says that NULL equals NULL in keys.
    pub fn new(kind: JoinKind, layout: JoinLayout, residual: Option<Arc<dyn PhysicalExpr>>, nulls_match: bool) -> Self {
        let side = |name: &str, (schema, key): (SchemaRef, Vec<usize>)| {
            Arrangement::new(format!("the {name} side of a join"), schema, key)
        };
        Self {
            kind,
            sides: [side("left", layout.left), side("right", layout.right)],
            residual,
            pair_schema: layout.pairs,
            schema: layout.output,
            nulls_match,
            emitting: true,
        }
    }

    /// Joins the change of `side` with the rows held of the other side, then adds it to the rows held.
    fn half(&mut self, side: usize, delta: ZBatch, out: &mut Delta) -> Result<()> {
        if delta.is_empty() {
            return Ok(());
        }
        let (delta, unmatchable) = self.split_null_keys(side, delta)?;
        if let Some(form) = self.kind.form(side, false) {
            self.emit(side, form, unmatchable.rows(), &unmatchable.iter_weights().collect::<Vec<_>>(), out)?;
        }
        let mut own_matches = vec![0i64; delta.len()];
        if self.emitting || self.kind.counts(LEFT) || self.kind.counts(RIGHT) {
            let mut other_matches: BTreeMap<Slot, i64> = BTreeMap::new();
            self.match_pairs(side, &delta, &mut own_matches, &mut other_matches, out)?;
            self.flip(1 - side, &other_matches, out)?;
            self.emit_own(side, &delta, &own_matches, out)?;
        }

        let slots = self.sides[side].apply(&delta)?;
        if self.kind.counts(side) {
            for (slot, matches) in slots.into_iter().zip(own_matches) {
                if self.sides[side].payload(slot) != matches {
                    self.sides[side].set_payload(slot, matches);
                }
            }
        }
        Ok(())
    }

    /// Rows whose key has a NULL match nothing and are not held.
    fn split_null_keys(&self, side: usize, delta: ZBatch) -> Result<(ZBatch, ZBatch)> {
        let keys: Vec<&ArrayRef> = self.sides[side].key().iter().map(|&k| delta.column(k)).collect();
        if self.nulls_match || keys.iter().all(|k| k.logical_null_count() == 0) {
            let none = delta.slice(0, 0);
            return Ok((delta, none));
        }
        let has_null: Vec<bool> = (0..delta.len()).map(|i| keys.iter().any(|k| k.is_null(i))).collect();
        let null = delta.filter(&BooleanArray::from(has_null.clone()))?;
        let rest = delta.filter(&BooleanArray::from_iter(has_null.into_iter().map(|n| Some(!n))))?;
        Ok((rest, null))
    }

    fn match_pairs(
        &self,
        side: usize,
        delta: &ZBatch,
        own_matches: &mut [i64],
        other_matches: &mut BTreeMap<Slot, i64>,
        out: &mut Delta,
    ) -> Result<()> {
        let keys: Vec<ArrayRef> = self.sides[side].key().iter().map(|&k| ArrayRef::clone(delta.column(k))).collect();
        let mut pairs: Vec<(u32, Slot)> = vec![];
        self.sides[1 - side].probe(&keys, delta.len(), |row, slot| pairs.push((row as u32, slot)))?;
        for pairs in pairs.chunks(PAIRS) {
            for (row, slot) in self.matching(side, delta, pairs, out)? {
                let weight = delta.weight(row as usize);
                let own = &mut own_matches[row as usize];
                *own = add(*own, self.sides[1 - side].weight(slot))?;
                if self.kind.counts(1 - side) {
                    let other = other_matches.entry(slot).or_insert(0);
                    *other = add(*other, weight)?;
                }
            }
        }
        Ok(())
    }

    /// The pairs that pass the residual condition, which are emitted if the kind of join shows pairs.
    fn matching(
        &self,
        side: usize,
        delta: &ZBatch,
        pairs: &[(u32, Slot)],
        out: &mut Delta,
    ) -> Result<Vec<(u32, Slot)>> {
        if self.residual.is_none() && !(self.kind.pairs() && self.emitting) {
            return Ok(pairs.to_vec());
        }
        let (rows, slots): (Vec<u32>, Vec<Slot>) = pairs.iter().copied().unzip();
        let other = &self.sides[1 - side];
        let mut weights = Vec::with_capacity(pairs.len());
        for &(row, slot) in pairs {
            let product = delta.weight(row as usize).checked_mul(other.weight(slot));
            weights.push(product.ok_or(ZError::WeightOverflow)?);
        }
        let own_rows = gather(delta.rows(), &UInt32Array::from(rows))?;
        let other_rows = other.gather(&slots)?;
        let (left, right) = if side == LEFT { (own_rows, other_rows) } else { (other_rows, own_rows) };
        let columns = left.columns().iter().chain(right.columns()).cloned().collect();
        let joined = sluice_zset::with_row_count(SchemaRef::clone(&self.pair_schema), columns, pairs.len())?;
        let joined = ZBatch::with_weights(joined, Int64Array::from(weights));

        let Some(residual) = &self.residual else {
            self.emit_pairs(joined, out)?;
            return Ok(pairs.to_vec());
        };
        let evaluated = evaluate_residual(residual, &joined, out)?;
        let kept = evaluated.mask(pairs.len());
        if self.kind.pairs() {
            self.emit_pairs(joined.filter(&kept)?, out)?;
        }
        Ok(pairs.iter().zip(kept.values()).filter(|&(_, keep)| keep).map(|(p, _)| *p).collect())
    }

    fn emit_pairs(&self, pairs: ZBatch, out: &mut Delta) -> Result<()> {
        if !self.emitting {
            return Ok(());
        }
        let rows = pairs.rows().clone();
        let named =
            sluice_zset::with_row_count(SchemaRef::clone(&self.schema), rows.columns().to_vec(), rows.num_rows())?;
        out.push(pairs.map_rows(named));
        Ok(())
    }

    /// Rows held on `side` whose number of matches changed.
    fn flip(&mut self, side: usize, changes: &BTreeMap<Slot, i64>, out: &mut Delta) -> Result<()> {
        let mut flipped: [Vec<Slot>; 2] = [vec![], vec![]];
        for (&slot, &change) in changes {
            if change == 0 {
                continue;
            }
            let before = self.sides[side].payload(slot);
            let after = add(before, change)?;
            self.sides[side].set_payload(slot, after);
            if (before > 0) != (after > 0) {
                flipped[usize::from(after > 0)].push(slot);
            }
        }
        for (matched, slots) in [(false, &flipped[0]), (true, &flipped[1])] {
            if slots.is_empty() || !self.emitting {
                continue;
            }
            let rows = self.sides[side].gather(slots)?;
            let weights: Vec<i64> = slots.iter().map(|&s| self.sides[side].weight(s)).collect();
            if let Some(form) = self.kind.form(side, !matched) {
                let negated: Vec<i64> = weights.iter().map(|w| -w).collect();
                self.emit(side, form, &rows, &negated, out)?;
            }
            if let Some(form) = self.kind.form(side, matched) {
                self.emit(side, form, &rows, &weights, out)?;
            }
        }
        Ok(())
    }

    /// What changed rows add by themselves, given their numbers of matches.
    fn emit_own(&self, side: usize, delta: &ZBatch, matches: &[i64], out: &mut Delta) -> Result<()> {
        if !self.kind.counts(side) || !self.emitting {
            return Ok(());
        }
        for matched in [false, true] {
            let Some(form) = self.kind.form(side, matched) else { continue };
            let mask: BooleanArray = matches.iter().map(|&m| Some((m > 0) == matched)).collect();
            let rows = delta.filter(&mask)?;
            self.emit(side, form, rows.rows(), &rows.iter_weights().collect::<Vec<_>>(), out)?;
        }
        Ok(())
    }

    fn emit(&self, side: usize, form: Form, rows: &RecordBatch, weights: &[i64], out: &mut Delta) -> Result<()> {
        if !self.emitting {
            return Ok(());
        }
        let n = rows.num_rows();
        let mut columns = rows.columns().to_vec();
        match form {
            Form::Plain => {}
            Form::Mark(matched) => columns.push(Arc::new(BooleanArray::from(vec![matched; n]))),
            Form::Padded => {
                let nulls = self.sides[1 - side].schema().fields().iter().map(|f| new_null_array(f.data_type(), n));
                match side {
                    LEFT => columns.extend(nulls),
                    _ => columns = nulls.chain(columns).collect(),
                }
            }
        }
        let rows = sluice_zset::with_row_count(SchemaRef::clone(&self.schema), columns, n)?;
        out.push(ZBatch::with_weights(rows, Int64Array::from(weights.to_vec())));
        Ok(())
    }
}

fn add(a: i64, b: i64) -> Result<i64> {
    Ok(a.checked_add(b).ok_or(ZError::WeightOverflow)?)
}

/// Which pairs passed a residual condition; those on which it failed count as no match.
struct Residual {
    passed: BooleanArray,
    rows: Option<UInt32Array>,
}

impl Residual {
    fn mask(&self, pairs: usize) -> BooleanArray {
        let Some(rows) = &self.rows else { return self.passed.clone() };
        let mut mask = vec![false; pairs];
        for (at, passed) in rows.values().iter().zip(self.passed.values()) {
            mask[*at as usize] = passed;
        }
        BooleanArray::from(mask)
    }
}

fn evaluate_residual(residual: &Arc<dyn PhysicalExpr>, joined: &ZBatch, out: &mut Delta) -> Result<Residual> {
    let evaluated = crate::evaluate(std::slice::from_ref(residual), joined.rows())?;
    for (row, error) in evaluated.failed {
        out.fail(error, joined.weight(row));
    }
    Ok(Residual { passed: truth(evaluated.columns[0].as_boolean()), rows: evaluated.rows })
}

impl Operator for Join {
    fn describe(&self) -> String {
        let on = |side: usize| {
            let arrangement = &self.sides[side];
            let names = arrangement.key().iter().map(|&k| arrangement.schema().field(k).name().as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        let residual = self.residual.as_ref().map_or(String::new(), |r| format!(" where {r}"));
        format!("{:?} join on ({}) = ({}){residual}", self.kind, on(LEFT), on(RIGHT))
    }

    fn step(&mut self, inputs: &[&Delta], step: Step) -> Result<Delta> {
        let mut out = Delta::default();
        self.emitting = step.wanted;
        for side in [RIGHT, LEFT] {
            let schema = SchemaRef::clone(self.sides[side].schema());
            let delta = inputs[side].consolidated(&schema)?;
            self.half(side, delta, &mut out)?;
            out.inherit(&inputs[side].errors);
        }
        Ok(out)
    }

    fn commit(&mut self) -> Result<()> {
        self.sides.iter_mut().try_for_each(Arrangement::commit)
    }

    fn abort(&mut self) -> Result<()> {
        self.sides.iter_mut().try_for_each(Arrangement::abort)
    }

    fn state(&self) -> (usize, usize) {
        self.sides.iter().fold((0, 0), |(rows, bytes), a| (rows + a.len(), bytes + a.bytes()))
    }
}
