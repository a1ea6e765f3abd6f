//! GROUP BY, DISTINCT and global aggregates.
//!
//! Delta rule: for each group that a change touches, the old result row goes and the new one comes; both are read
//! from the group's accumulators, never from the rows. Cost: O(changed rows + touched groups), times log(values
//! of the group) for min and max. State: one accumulator entry a group, plus what ordered and distinct aggregates
//! keep a value. NULL is a key like any other; a row of weight n counts n times. A group whose result cannot be
//! shown (a sum out of range) is an error with the group's key until it can.

use super::{Operator, Step};
use crate::agg::{Accumulator, Aggregate};
use crate::arrangement::{Arrangement, NO_SLOT, Slot};
use crate::{DataError, Delta, FlowError, Result, row_text};
use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, UInt32Array};
use arrow::datatypes::{DataType, SchemaRef};
use sluice_zset::{ZBatch, ZError, consolidate, gather, group_rows, normalize_key, with_row_count};

/// See the module's page.
pub struct Reduce {
    keys: usize,
    aggregates: Vec<Aggregate>,
    input: SchemaRef,
    output: SchemaRef,
    groups: Arrangement,
    accumulators: Vec<Box<dyn Accumulator>>,
    rows: Vec<i64>,
    rows_undo: Vec<(u32, i64)>,
    free: Vec<u32>,
    freed: Vec<u32>,
    taken: Vec<u32>,
    all_groups: usize,
}

impl Reduce {
    /// Groups rows of `input` by their first `keys` columns. The output has those, then one column an aggregate.
    /// Without keys there is always exactly one group.
    pub fn new(input: SchemaRef, keys: usize, aggregates: Vec<Aggregate>, output: SchemaRef) -> Result<Self> {
        let key_schema = std::sync::Arc::new(input.project(&(0..keys).collect::<Vec<_>>())?);
        let argument = |a: &Aggregate| a.argument.map(|i| input.field(i).data_type().clone());
        let accumulators = aggregates.iter().map(|a| a.accumulator(argument(a).as_ref())).collect();
        let groups = Arrangement::new("the groups of an aggregate", key_schema, (0..keys).collect());
        Ok(Self {
            keys,
            aggregates,
            input,
            output,
            groups,
            accumulators,
            rows: vec![],
            rows_undo: vec![],
            free: vec![],
            freed: vec![],
            taken: vec![],
            all_groups: 0,
        })
    }

    fn take_group(&mut self) -> u32 {
        let group = self.free.pop().unwrap_or_else(|| {
            self.all_groups += 1;
            (self.all_groups - 1) as u32
        });
        self.taken.push(group);
        if self.rows.len() < self.all_groups {
            self.rows.resize(self.all_groups, 0);
            self.accumulators.iter_mut().for_each(|a| a.resize(self.all_groups));
        }
        group
    }

    /// The group number of each key row, and which of them exist already.
    fn find_groups(&mut self, keys: &ZBatch) -> Result<(Vec<u32>, Vec<bool>)> {
        let slots = self.groups.find(keys.rows().columns(), keys.len())?;
        let mut groups = Vec::with_capacity(slots.len());
        let mut fresh: Vec<u32> = vec![];
        for (i, &slot) in slots.iter().enumerate() {
            if slot == NO_SLOT {
                fresh.push(i as u32);
                groups.push(self.take_group());
            } else {
                groups.push(self.groups.payload(slot) as u32);
            }
        }
        let existing = slots.iter().map(|&s| s != NO_SLOT).collect();
        if !fresh.is_empty() {
            let added = ZBatch::new(gather(keys.rows(), &UInt32Array::from(fresh.clone()))?);
            let added: Vec<Slot> = self.groups.apply(&added)?;
            for (slot, i) in added.into_iter().zip(fresh) {
                self.groups.set_payload(slot, i64::from(groups[i as usize]));
            }
        }
        Ok((groups, existing))
    }

    /// The output rows of groups (given with their keys), each with `weight`; errors instead where it has none.
    fn render(&self, keys: &ZBatch, groups: &[u32], weight: i64, out: &mut Delta) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let mut columns: Vec<ArrayRef> = keys.rows().columns().to_vec();
        let mut good = vec![true; groups.len()];
        for accumulator in &self.accumulators {
            let (column, errors) = accumulator.output(groups)?;
            columns.push(column);
            for error in errors {
                good[error.at] = false;
                let row = row_text(keys.rows(), error.at);
                out.fail(DataError { code: error.code.into(), message: error.message, row }, weight);
            }
        }
        let rows = with_row_count(SchemaRef::clone(&self.output), columns, groups.len())?;
        let rows = ZBatch::with_weights(rows, Int64Array::from(vec![weight; groups.len()]));
        out.push(rows.filter(&BooleanArray::from(good))?);
        Ok(())
    }

    fn update(&mut self, delta: &ZBatch, group_of: &[u32]) -> Result<()> {
        for (i, &group) in group_of.iter().enumerate() {
            let old = self.rows[group as usize];
            let sum = old.checked_add(delta.weight(i)).ok_or(ZError::WeightOverflow)?;
            self.rows[group as usize] = sum;
            self.rows_undo.push((group, old));
        }
        for (aggregate, accumulator) in self.aggregates.iter().zip(&mut self.accumulators) {
            let argument = aggregate.argument.map(|i| delta.column(i));
            let filter = aggregate.filter.map(|i| delta.column(i).as_boolean());
            let entries = aggregate.entries(argument, filter, group_of, |i| delta.weight(i));
            accumulator.update(argument, &entries)?;
        }
        Ok(())
    }

    /// Forgets groups without rows; returns which of them still have some.
    fn drop_empty(&mut self, keys: &ZBatch, groups: &[u32]) -> Result<Vec<bool>> {
        let mut alive = Vec::with_capacity(groups.len());
        for (i, &group) in groups.iter().enumerate() {
            let rows = self.rows[group as usize];
            if rows < 0 {
                let row = row_text(keys.rows(), i);
                return Err(FlowError::Negative { operator: self.describe(), row, weight: rows });
            }
            alive.push(rows > 0 || self.keys == 0);
        }
        let gone = keys.filter(&alive.iter().map(|a| Some(!a)).collect())?;
        if !gone.is_empty() {
            self.groups.apply(&gone.negate()?)?;
            self.freed.extend(groups.iter().zip(&alive).filter(|(_, a)| !**a).map(|(g, _)| *g));
        }
        Ok(alive)
    }

    fn reduce(&mut self, delta: ZBatch, wanted: bool, out: &mut Delta) -> Result<()> {
        let columns: Vec<ArrayRef> = (0..self.keys).map(|i| normalize_key(delta.column(i))).collect();
        let grouped = group_rows(&columns, delta.len())?;
        let (firsts, local) = if self.keys == 0 {
            (UInt32Array::from(vec![0u32; 0]), vec![0; delta.len()])
        } else {
            (UInt32Array::from(grouped.firsts), grouped.group_of)
        };
        let keys = with_row_count(SchemaRef::clone(self.groups.schema()), columns, delta.len())?;
        let keys = match self.keys {
            0 => ZBatch::new(with_row_count(keys.schema(), vec![], 1)?),
            _ => ZBatch::new(gather(&keys, &firsts)?),
        };
        let (groups, existing) = self.find_groups(&keys)?;
        let group_of: Vec<u32> = local.iter().map(|&l| groups[l as usize]).collect();

        let mut change = Delta::default();
        if wanted {
            self.render_some(&keys, &groups, &existing, -1, &mut change)?;
        }
        self.update(&delta, &group_of)?;
        let alive = self.drop_empty(&keys, &groups)?;
        if !wanted {
            return Ok(());
        }
        self.render_some(&keys, &groups, &alive, 1, &mut change)?;
        out.push(consolidate(&ZBatch::concat(&self.output, &change.rows)?)?);
        out.inherit(&change.errors);
        Ok(())
    }

    fn render_some(&self, keys: &ZBatch, groups: &[u32], which: &[bool], weight: i64, out: &mut Delta) -> Result<()> {
        let keys = keys.filter(&BooleanArray::from(which.to_vec()))?;
        let groups: Vec<u32> = groups.iter().zip(which).filter(|(_, w)| **w).map(|(g, _)| *g).collect();
        self.render(&keys, &groups, weight, out)
    }
}

impl Operator for Reduce {
    fn describe(&self) -> String {
        let name = |i: usize| self.input.field(i).name().clone();
        let keys: Vec<String> = (0..self.keys).map(name).collect();
        let aggregates = self.aggregates.iter().map(|a| {
            let argument = a.argument.map_or("*".to_string(), name);
            let distinct = if a.distinct { "distinct " } else { "" };
            let filter = a.filter.map_or(String::new(), |f| format!(" filter ({})", name(f)));
            format!("{:?}({distinct}{argument}){filter}", a.kind).to_lowercase()
        });
        format!("group by ({}): {}", keys.join(", "), aggregates.collect::<Vec<_>>().join(", "))
    }

    fn step(&mut self, inputs: &[&Delta], step: Step) -> Result<Delta> {
        let mut out = Delta::default();
        let delta = ZBatch::concat(&self.input, &inputs[0].rows)?;
        if !delta.is_empty() || (step.first && self.keys == 0) {
            self.reduce(delta, step.wanted, &mut out)?;
        }
        out.inherit(&inputs[0].errors);
        Ok(out)
    }

    fn commit(&mut self) -> Result<()> {
        self.rows_undo.clear();
        self.taken.clear();
        self.free.append(&mut self.freed);
        self.accumulators.iter_mut().for_each(|a| a.commit());
        self.groups.commit()
    }

    fn abort(&mut self) -> Result<()> {
        while let Some((group, old)) = self.rows_undo.pop() {
            self.rows[group as usize] = old;
        }
        self.free.append(&mut self.taken);
        self.freed.clear();
        self.accumulators.iter_mut().for_each(|a| a.abort());
        self.groups.abort()
    }

    fn state(&self) -> (usize, usize) {
        let bytes: usize = self.accumulators.iter().map(|a| a.bytes()).sum();
        (self.groups.len(), self.groups.bytes() + self.rows.capacity() * 8 + bytes)
    }
}

/// A row of DISTINCT is a group without aggregates.
impl Reduce {
    /// Each row of `schema` once, however many copies come in.
    pub fn distinct(schema: SchemaRef) -> Result<Self> {
        Self::new(SchemaRef::clone(&schema), schema.fields().len(), vec![], schema)
    }

    /// Types of the output columns, keys first.
    pub fn output_types(&self) -> Vec<DataType> {
        self.output.fields().iter().map(|f| f.data_type().clone()).collect()
    }
}
