//! Rows by the values that a statement's conditions name: an index turns them into row numbers, so that no other row
//! is read.

use crate::context::{Indexes, SharedIndex};
use crate::read::Staged;
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use sluice_lake::TableVersion;
use sluice_zset::normalize_key;
use std::collections::BTreeMap;
use std::sync::Arc;

/// More keys than this are found faster by reading the table.
const MAX_KEYS: usize = 4096;

/// A lookup that finds more than one row in this many reads the table instead.
const DENSE: u64 = 16;

/// An index and the keys to look up in it.
#[derive(Clone)]
pub(crate) struct Lookup {
    index: SharedIndex,
    keys: Vec<ArrayRef>,
    rows: usize,
    snapshot: i64,
}

impl Lookup {
    /// The index of the table with the most columns that `filters` bind to constants, if there is one.
    pub(crate) fn choose(source: &LookupSource, schema: &SchemaRef, filters: &[Expr]) -> Result<Option<Self>> {
        let bound = bound_columns(schema, filters);
        if bound.is_empty() {
            return Ok(None);
        }
        let covered = |i: &SharedIndex| {
            let index = i.read();
            let columns = index.columns();
            (!columns.is_empty() && columns.iter().all(|c| bound.contains_key(c))).then_some(columns.len())
        };
        let best = source
            .indexes
            .of_table(source.table)
            .into_iter()
            .filter_map(|i| Some((covered(&i)?, i)))
            .max_by_key(|c| c.0);
        let Some((_, index)) = best else { return Ok(None) };
        let columns = index.read().columns().to_vec();
        let Some((keys, rows)) = combinations(&columns, &bound)? else { return Ok(None) };
        Ok(Some(Self { index, keys, rows, snapshot: source.snapshot }))
    }

    /// Numbers of the rows of `table` under the keys, those that `staged` removed left out. `None` when reading the
    /// whole table is the better way, or the index no longer knows the version's rows.
    pub(crate) fn row_ids(
        &self,
        table: &TableVersion,
        staged: Option<&Staged>,
    ) -> sluice_sql::Result<Option<Vec<i64>>> {
        if self.rows == 0 {
            return Ok(Some(vec![]));
        }
        let Some(found) = self.index.read().candidates(self.snapshot, &self.keys, self.rows)? else { return Ok(None) };
        let removed = |id: &i64| staged.is_some_and(|s| s.removed.contains(id));
        let mut ids: Vec<i64> =
            found.into_iter().flatten().filter(|id| !removed(id) && table.locate(*id).is_some()).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok((ids.len() < MAX_KEYS || (ids.len() as u64) < table.live_rows() / DENSE).then_some(ids))
    }

    /// For EXPLAIN: which index, and how many keys.
    pub(crate) fn describe(&self) -> String {
        let index = self.index.read();
        let keys = if self.rows == 1 { String::new() } else { format!(" of {} keys", self.rows) };
        format!("lookup{keys} by {} ({})", index.name(), index.column_names().join(", "))
    }
}

/// Whether a condition binds a column to constants.
pub(crate) fn binds(filter: &Expr) -> bool {
    constants(filter).is_some()
}

/// The values each column may have, by position. Of several conditions on a column one is enough: the filter above
/// the scan still applies them all.
fn bound_columns(schema: &SchemaRef, filters: &[Expr]) -> BTreeMap<usize, Vec<ScalarValue>> {
    let mut bound: BTreeMap<usize, Vec<ScalarValue>> = BTreeMap::new();
    for (column, values) in filters.iter().filter_map(constants) {
        let Ok(position) = schema.index_of(column) else { continue };
        let Some(values) = of_type(values, schema.field(position).data_type()) else { continue };
        let shorter = bound.get(&position).is_none_or(|b| values.len() < b.len());
        if shorter {
            bound.insert(position, values);
        }
    }
    bound
}

/// `column = constant`, `column IN (constants)`, and either of them OR another on the same column.
fn constants(filter: &Expr) -> Option<(&str, Vec<ScalarValue>)> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(c), Expr::Literal(v, _)) | (Expr::Literal(v, _), Expr::Column(c)) => {
                Some((&c.name, vec![v.clone()]))
            }
            _ => None,
        },
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let ((column, mut values), (other, more)) = (constants(left)?, constants(right)?);
            values.extend(more);
            (column == other).then_some((column, values))
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let Expr::Column(c) = expr.as_ref() else { return None };
            let value = |e: &Expr| match e {
                Expr::Literal(v, _) => Some(v.clone()),
                _ => None,
            };
            Some((&c.name, list.iter().map(value).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// The values as the column has them; NULL equals nothing. `None` where the comparison is not of the column's type.
fn of_type(values: Vec<ScalarValue>, ty: &DataType) -> Option<Vec<ScalarValue>> {
    let text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let one = |value: ScalarValue| match value.data_type() {
        t if t == *ty => Some(value),
        t if text(&t) && text(ty) => value.cast_to(ty).ok(),
        _ => None,
    };
    let mut values = values.into_iter().filter(|v| !v.is_null()).map(one).collect::<Option<Vec<_>>>()?;
    let mut seen = hashbrown::HashSet::new();
    values.retain(|v| seen.insert(v.clone()));
    Some(values)
}

/// Every combination of the columns' values, as arrays of keys; `None` if they are too many.
fn combinations(
    columns: &[usize],
    bound: &BTreeMap<usize, Vec<ScalarValue>>,
) -> Result<Option<(Vec<ArrayRef>, usize)>> {
    let rows = columns.iter().try_fold(1usize, |n, c| n.checked_mul(bound[c].len())).filter(|n| *n <= MAX_KEYS);
    let Some(rows) = rows else { return Ok(None) };
    let mut repeat = rows;
    let mut keys = vec![];
    for column in columns {
        let values = &bound[column];
        if values.is_empty() {
            return Ok(Some((vec![], 0)));
        }
        repeat /= values.len();
        let cell = |row: usize| values[(row / repeat) % values.len()].clone();
        let key = ScalarValue::iter_to_array((0..rows).map(cell))?;
        keys.push(normalize_key(&key));
    }
    Ok(Some((keys, rows)))
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}

/// The indexes that a lookup may choose from.
#[derive(Clone)]
pub(crate) struct LookupSource {
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) table: i64,
    pub(crate) snapshot: i64,
}
