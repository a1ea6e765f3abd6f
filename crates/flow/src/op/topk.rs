//! ORDER BY ... LIMIT k OFFSET o.
//!
//! Delta rule: the rows in places o+1 to o+k before and after the change; the difference comes out. Rows that the
//! order leaves equal are ordered by the whole row, so the result is the same whatever way rows came. Cost:
//! O(changed rows * log(rows) + o + k). State: every row once, in order, about twice its encoded size.
//! NULLs stand where the ORDER BY says; copies of a row take a place each.

use super::{Operator, Step};
use crate::{Delta, FlowError, Result, row_text};
use arrow::array::{ArrayRef, Int64Array};
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use datafusion::physical_expr::PhysicalExpr;
use sluice_zset::{ZBatch, ZError, consolidate, with_row_count};
use std::collections::BTreeMap;
use std::sync::Arc;

type Key = (Box<[u8]>, Box<[u8]>);

/// See the module's page.
pub struct TopK {
    schema: SchemaRef,
    order: Vec<(Arc<dyn PhysicalExpr>, SortOptions)>,
    order_rows: RowConverter,
    whole_rows: RowConverter,
    offset: u64,
    limit: Option<u64>,
    rows: BTreeMap<Key, i64>,
    undo: Vec<(Key, i64)>,
    bytes: usize,
}

impl TopK {
    /// Rows of `schema` in the order of `order`; the first `offset` are skipped, `limit` are kept.
    pub fn new(
        schema: SchemaRef,
        order: Vec<(Arc<dyn PhysicalExpr>, SortOptions)>,
        offset: u64,
        limit: Option<u64>,
    ) -> Result<Self> {
        let order_fields = order
            .iter()
            .map(|(e, o)| Ok(SortField::new_with_options(e.data_type(&schema)?, *o)))
            .collect::<Result<Vec<_>>>()?;
        // The tie-break of the batch plan: every column, ascending, NULLs last.
        let ties = SortOptions { descending: false, nulls_first: false };
        let fields = schema.fields().iter().map(|f| SortField::new_with_options(f.data_type().clone(), ties)).collect();
        Ok(Self {
            order,
            order_rows: RowConverter::new(order_fields)?,
            whole_rows: RowConverter::new(fields)?,
            schema,
            offset,
            limit,
            rows: BTreeMap::new(),
            undo: vec![],
            bytes: 0,
        })
    }

    fn add(&mut self, key: Key, weight: i64) -> Result<i64> {
        use std::collections::btree_map::Entry;
        let size = key.0.len() + key.1.len() + 56;
        match self.rows.entry(key) {
            Entry::Vacant(e) => {
                e.insert(weight);
                self.bytes += size;
                Ok(weight)
            }
            Entry::Occupied(mut e) => {
                let sum = e.get().checked_add(weight).ok_or(ZError::WeightOverflow)?;
                *e.get_mut() = sum;
                if sum == 0 {
                    e.remove();
                    self.bytes -= size;
                }
                Ok(sum)
            }
        }
    }

    /// The rows in the places that are kept, times `sign`.
    fn window(&self, sign: i64) -> Result<ZBatch> {
        let (mut skip, mut left) = (self.offset, self.limit.unwrap_or(u64::MAX));
        let parser = self.whole_rows.parser();
        let (mut rows, mut weights) = (vec![], vec![]);
        for ((_, row), &copies) in &self.rows {
            if left == 0 {
                break;
            }
            let copies = copies.max(0) as u64;
            let skipped = skip.min(copies);
            skip -= skipped;
            let kept = (copies - skipped).min(left);
            left -= kept;
            if kept > 0 {
                rows.push(parser.parse(row));
                weights.push(sign * kept as i64);
            }
        }
        let n = rows.len();
        let columns = self.whole_rows.convert_rows(rows)?;
        let rows = with_row_count(SchemaRef::clone(&self.schema), columns, n)?;
        Ok(ZBatch::with_weights(rows, Int64Array::from(weights)))
    }

    fn apply(&mut self, delta: &ZBatch, out: &mut Delta) -> Result<()> {
        let exprs: Vec<_> = self.order.iter().map(|(e, _)| Arc::clone(e)).collect();
        let (order, delta) = super::map::succeed(&exprs, delta, out)?;
        let order: Vec<ArrayRef> = order;
        let order = self.order_rows.convert_columns(&order)?;
        let whole = self.whole_rows.convert_columns(delta.rows().columns())?;
        for i in 0..delta.len() {
            let key: Key = (order.row(i).as_ref().into(), whole.row(i).as_ref().into());
            let weight = delta.weight(i);
            let copies = self.add(key.clone(), weight)?;
            self.undo.push((key, weight));
            if copies < 0 {
                let row = row_text(delta.rows(), i);
                return Err(FlowError::Negative { operator: self.describe(), row, weight: copies });
            }
        }
        Ok(())
    }
}

impl Operator for TopK {
    fn describe(&self) -> String {
        let order: Vec<String> =
            self.order.iter().map(|(e, o)| format!("{e}{}", if o.descending { " desc" } else { "" })).collect();
        let limit = self.limit.map_or("all".to_string(), |l| l.to_string());
        format!("top {limit} offset {} by {}", self.offset, order.join(", "))
    }

    fn step(&mut self, inputs: &[&Delta], step: Step) -> Result<Delta> {
        let mut out = Delta::default();
        let delta = inputs[0].consolidated(&self.schema)?;
        if !step.wanted {
            self.apply(&delta, &mut out)?;
        } else if !delta.is_empty() {
            let before = self.window(-1)?;
            self.apply(&delta, &mut out)?;
            let after = self.window(1)?;
            out.push(consolidate(&ZBatch::concat(&self.schema, &[before, after])?)?);
        }
        out.inherit(&inputs[0].errors);
        Ok(out)
    }

    fn commit(&mut self) -> Result<()> {
        self.undo.clear();
        Ok(())
    }

    fn abort(&mut self) -> Result<()> {
        while let Some((key, weight)) = self.undo.pop() {
            self.add(key, -weight)?;
        }
        Ok(())
    }

    fn state(&self) -> (usize, usize) {
        (self.rows.len(), self.bytes)
    }
}
