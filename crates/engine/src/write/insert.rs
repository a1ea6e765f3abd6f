use super::assign::{Target, check_rows};
use super::literals::literals;
use super::returning::returning;
use super::{Changed, WriteSet};
use crate::Context;
use crate::catalog::{ColumnDef, Identity, ObjectRef};
use crate::read::{Names, ReadView, Staged};
use crate::statement::Overriding;
use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, UInt32Array, new_null_array};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use sluice_sql::{Result, SqlError, fold};
use sqlparser::ast::{self, ConflictTarget, Expr, Insert, OnConflictAction, OnInsert, SetExpr, TableObject};
use std::collections::BTreeMap;
use std::sync::Arc;

/// INSERT: the rows of a query, or of VALUES, with defaults for the columns not named.
pub(crate) async fn insert(
    context: &Context,
    view: &ReadView,
    path: &[String],
    insert: &Insert,
    overriding: Option<Overriding>,
    params: &[ScalarValue],
) -> Result<Changed> {
    refuse_foreign_clauses(insert)?;
    let TableObject::TableName(name) = &insert.table else {
        return Err(SqlError::unsupported("INSERT INTO a function or query", "Name a table."));
    };
    let def = view.version.catalog.get(&ObjectRef::parse(name)?, path)?;
    let target = Target::new(Arc::clone(def))?.in_zone(view.zone);
    let named = named_columns(&target, &insert.columns)?;
    let rows = source_rows(context, view, path, insert, overriding, &target, &named, params).await?;
    check_rows(context, view, &target, &rows).await?;

    let mut staged = Staged::new(Arc::clone(&target.schema));
    let conflict = match &insert.on {
        None => None,
        Some(OnInsert::OnConflict(c)) => Some(c),
        Some(_) => {
            return Err(SqlError::unsupported("ON DUPLICATE KEY", "Write ON CONFLICT (columns) DO UPDATE SET ...."));
        }
    };
    let stored = match conflict {
        None => {
            let ids = context.provisional_ids(rows.num_rows());
            staged.add(rows.clone(), ids);
            rows
        }
        Some(conflict) => {
            let mut upsert = super::insert::Upsert { context, view, path, target: &target, staged: &mut staged };
            upsert.run(insert, conflict, rows, params).await?
        }
    };
    let count = stored.num_rows();
    let returning = match &insert.returning {
        None => None,
        Some(items) => {
            let alias = insert.table_alias.as_ref().map(|a| &a.alias);
            Some(returning(context, view, path, &target, alias, items, stored).await?)
        }
    };
    let mut writes = WriteSet::default();
    writes.tables.insert(target.def.id, staged);
    Ok(Changed { writes, rows: count, returning })
}

fn refuse_foreign_clauses(insert: &Insert) -> Result<()> {
    let Insert {
        insert_token: _,
        optimizer_hints: _,
        or,
        ignore,
        into: _,
        table: _,
        table_alias: _,
        columns: _,
        overwrite,
        source: _,
        assignments,
        partitioned,
        after_columns,
        has_table_keyword,
        on: _,
        returning: _,
        output,
        replace_into,
        priority,
        insert_alias,
        settings,
        format_clause,
        multi_table_insert_type,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause,
    } = insert;
    let foreign = or.is_some()
        || *ignore
        || *overwrite
        || !assignments.is_empty()
        || partitioned.is_some()
        || !after_columns.is_empty()
        || *has_table_keyword
        || output.is_some()
        || *replace_into
        || priority.is_some()
        || insert_alias.is_some()
        || settings.is_some()
        || format_clause.is_some()
        || multi_table_insert_type.is_some()
        || !multi_table_into_clauses.is_empty()
        || !multi_table_when_clauses.is_empty()
        || multi_table_else_clause.is_some();
    if foreign {
        return Err(SqlError::unsupported("this clause of another SQL dialect", "Write INSERT as PostgreSQL has it."));
    }
    Ok(())
}

/// Positions of the columns that the statement names; all of them when it names none.
fn named_columns(target: &Target, columns: &[ast::ObjectName]) -> Result<Vec<usize>> {
    let mut named = vec![];
    for column in columns {
        let name = ObjectRef::parse(column)?.name;
        let position = target.def.position(&name).ok_or_else(|| no_column(target, &name))?;
        if named.contains(&position) {
            return Err(SqlError::new("42701", format!("column \"{name}\" specified more than once")));
        }
        named.push(position);
    }
    Ok(if columns.is_empty() { (0..target.def.columns.len()).collect() } else { named })
}

pub(crate) fn no_column(target: &Target, name: &str) -> SqlError {
    let message = format!("column \"{name}\" of relation \"{}\" does not exist", target.def.name);
    let error = SqlError::new("42703", message);
    match sluice_sql::nearest(name, target.def.columns.iter().map(|c| c.name.as_str())) {
        Some(near) => error.hint(format!("Perhaps you meant \"{near}\".")),
        None => error,
    }
}

/// The rows to be stored, all columns in order.
#[allow(clippy::too_many_arguments, reason = "what a statement is run with")]
async fn source_rows(
    context: &Context,
    view: &ReadView,
    path: &[String],
    insert: &Insert,
    overriding: Option<Overriding>,
    target: &Target,
    named: &[usize],
    params: &[ScalarValue],
) -> Result<RecordBatch> {
    let Some(source) = &insert.source else {
        return fill(context, view, target, vec![], 1).await;
    };
    if let Some((columns, rows)) = literals(source, target, named, params) {
        let columns = allowed(target, columns, overriding)?;
        return fill(context, view, target, columns, rows).await;
    }
    let mut source = source.clone();
    let defaults = take_defaults(&mut source)?;
    type_literals(&mut source, target, named)?;
    let names = Names::new(view, context, path);
    let width = match source.body.as_ref() {
        SetExpr::Values(values) => values.rows.first().map_or(0, |r| r.len()),
        _ => 0,
    };
    let declared: Vec<_> = params.iter().map(|p| Some(sluice_sql::SqlType::of_arrow(&p.data_type()))).collect();
    let planned = context.planner.plan(&source, &names, &declared)?;
    let plan = crate::session::with_params(planned.plan, params)?;
    let batches = context.runner.collect(plan, view).await?;
    let given = planned.columns.len();
    if given > named.len() {
        return Err(SqlError::new("42601", "INSERT has more expressions than target columns"));
    }
    if given < named.len() && (!insert.columns.is_empty() || width > 0 && given == 0) {
        return Err(SqlError::new("42601", "INSERT has more target columns than expressions"));
    }
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let mut columns: Vec<(usize, ArrayRef)> = vec![];
    for (i, &position) in named.iter().enumerate().take(given) {
        let says_default = defaults.get(&i);
        if says_default.is_some_and(|rows| rows.iter().all(|d| *d)) {
            continue;
        }
        let parts: Vec<&dyn Array> = batches.iter().map(|b| b.column(i).as_ref()).collect();
        let column = match parts.as_slice() {
            [] => new_null_array(&DataType::Null, 0),
            [one] => one.slice(0, one.len()),
            many => arrow::compute::concat(many)?,
        };
        let column = match says_default {
            Some(says_default) => with_defaults(context, view, target, position, &column, says_default).await?,
            None => column,
        };
        columns.push((position, column));
    }
    let columns = allowed(target, columns, overriding)?;
    fill(context, view, target, columns, rows).await
}

/// The given columns without those that a sequence fills all the same.
fn allowed(
    target: &Target,
    mut given: Vec<(usize, ArrayRef)>,
    overriding: Option<Overriding>,
) -> Result<Vec<(usize, ArrayRef)>> {
    let column = |position: usize| &target.def.columns[position];
    match overriding {
        Some(Overriding::System) => {}
        Some(Overriding::User) => given.retain(|(position, _)| column(*position).identity.is_none()),
        None => {
            let always = given.iter().map(|(p, _)| column(*p)).find(|c| c.identity == Some(Identity::Always));
            if let Some(ColumnDef { name, .. }) = always {
                let message = format!("cannot insert a non-DEFAULT value into column \"{name}\"");
                return Err(SqlError::new("428C9", message)
                    .detail(generated_always(name))
                    .hint("Use OVERRIDING SYSTEM VALUE to override."));
            }
        }
    }
    Ok(given)
}

pub(super) fn generated_always(column: &str) -> String {
    format!("Column \"{column}\" is an identity column defined as GENERATED ALWAYS.")
}

/// A text literal in VALUES, and any value for a float, has the type of the column that it goes to, whatever stands in
/// the other rows.
fn type_literals(query: &mut ast::Query, target: &Target, named: &[usize]) -> Result<()> {
    let SetExpr::Values(values) = query.body.as_mut() else { return Ok(()) };
    let types = named
        .iter()
        .map(|&p| {
            let ty = &target.def.columns[p].ty;
            let is_text = ty.arrow() == DataType::Utf8View;
            if is_text { Ok(None) } else { crate::statement::parse_type(&ty.name()).map(Some) }
        })
        .collect::<Result<Vec<_>>>()?;
    for row in &mut values.rows {
        for (value, ty) in row.iter_mut().zip(&types) {
            let Some(data_type) = ty else { continue };
            let is_text = matches!(value, Expr::Value(v) if matches!(v.value, ast::Value::SingleQuotedString(_)));
            // Beside a NaN in another row, a plain number must be a float as well.
            let is_float = matches!(data_type, ast::DataType::Real | ast::DataType::DoublePrecision);
            if is_text || is_float {
                let expr = Box::new(std::mem::replace(value, Expr::Value(ast::Value::Null.into())));
                let data_type = data_type.clone();
                *value = Expr::Cast { kind: ast::CastKind::DoubleColon, expr, data_type, array: false, format: None };
            }
        }
    }
    Ok(())
}

/// Whether this is the word DEFAULT in the place of a value.
pub(super) fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(i) if i.quote_style.is_none() && i.value.eq_ignore_ascii_case("default"))
}

/// Takes every DEFAULT out of VALUES; for each column that says it somewhere, the rows that do.
fn take_defaults(query: &mut ast::Query) -> Result<BTreeMap<usize, Vec<bool>>> {
    let rearranged = query.order_by.is_some() || query.limit_clause.is_some() || query.fetch.is_some();
    let SetExpr::Values(values) = query.body.as_mut() else { return Ok(BTreeMap::new()) };
    let rows = values.rows.len();
    let mut defaults: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
    for (at, row) in values.rows.iter_mut().enumerate() {
        for (column, value) in row.iter_mut().enumerate().filter(|(_, value)| is_default(value)) {
            *value = Expr::Value(ast::Value::Null.into());
            defaults.entry(column).or_insert_with(|| vec![false; rows])[at] = true;
        }
    }
    if rearranged && !defaults.is_empty() {
        return Err(SqlError::new("42601", "DEFAULT is not allowed in this context"));
    }
    Ok(defaults)
}

/// The values of a column, with its defaults in the rows that say so.
async fn with_defaults(
    context: &Context,
    view: &ReadView,
    target: &Target,
    position: usize,
    given: &ArrayRef,
    says_default: &[bool],
) -> Result<ArrayRef> {
    let def = &target.def.columns[position];
    let rows = says_default.iter().filter(|d| **d).count();
    let defaults = default_values(context, view, target, def, rows).await?;
    let (given, defaults) = (target.assign_one(given, def)?, target.assign_one(&defaults, def)?);
    let mut drawn = 0;
    let pick = says_default.iter().enumerate().map(|(row, default)| {
        drawn += usize::from(*default);
        if *default { (1, drawn - 1) } else { (0, row) }
    });
    let pick: Vec<(usize, usize)> = pick.collect();
    Ok(arrow::compute::interleave(&[given.as_ref(), defaults.as_ref()], &pick)?)
}

/// Adds defaults, sequence numbers and NULLs for the columns not given, and casts all to the table's types.
pub(super) async fn fill(
    context: &Context,
    view: &ReadView,
    target: &Target,
    given: Vec<(usize, ArrayRef)>,
    rows: usize,
) -> Result<RecordBatch> {
    let mut columns: Vec<Option<ArrayRef>> = vec![None; target.def.columns.len()];
    for (position, column) in given {
        columns[position] = Some(column);
    }
    let mut filled = vec![];
    for (column, def) in columns.into_iter().zip(&target.def.columns) {
        filled.push(match column {
            Some(column) => column,
            None => default_values(context, view, target, def, rows).await?,
        });
    }
    target.assign(filled, rows)
}

/// What a column holds in rows that do not give it.
async fn default_values(
    context: &Context,
    view: &ReadView,
    target: &Target,
    def: &ColumnDef,
    rows: usize,
) -> Result<ArrayRef> {
    Ok(match (def.sequence, &def.default) {
        (Some(sequence), _) => Arc::new(context.sequences.take(sequence, rows)?),
        (None, Some(default)) => {
            let empty = sluice_zset::with_row_count(Arc::new(arrow::datatypes::Schema::empty()), vec![], rows)?;
            super::assign::evaluate(context, view, target, &empty, default).await?
        }
        (None, None) => new_null_array(&def.ty.arrow(), rows),
    })
}

/// Positions of rows, each with the number of the row that it conflicts with.
type Matched = Vec<(u32, i64)>;

/// INSERT ... ON CONFLICT.
pub(crate) struct Upsert<'a> {
    context: &'a Context,
    view: &'a ReadView,
    path: &'a [String],
    target: &'a Target,
    staged: &'a mut Staged,
}

impl Upsert<'_> {
    /// Inserts rows that conflict with none, and updates or skips the others. Returns the rows stored.
    async fn run(
        &mut self,
        insert: &Insert,
        conflict: &ast::OnConflict,
        rows: RecordBatch,
        params: &[ScalarValue],
    ) -> Result<RecordBatch> {
        let keys = self.arbiters(conflict.conflict_target.as_ref())?;
        let (fresh, matched) = self.split(&keys, &rows, matches!(conflict.action, OnConflictAction::DoUpdate(_)))?;
        let inserted = sluice_zset::gather(&rows, &UInt32Array::from(fresh))?;
        let ids = self.context.provisional_ids(inserted.num_rows());
        self.staged.add(inserted.clone(), ids);
        let OnConflictAction::DoUpdate(update) = &conflict.action else { return Ok(inserted) };
        if matched.is_empty() {
            return Ok(inserted);
        }
        let updated = self.update(insert, update, &rows, matched, params).await?;
        Ok(arrow::compute::concat_batches(&self.target.schema, [&inserted, &updated])?)
    }

    /// Positions of the key columns that decide about a conflict.
    fn arbiters(&self, named: Option<&ConflictTarget>) -> Result<Vec<Vec<usize>>> {
        let keys = &self.target.def.parts().map(|p| p.keys.clone()).unwrap_or_default();
        match named {
            None => Ok(keys.iter().map(|k| k.columns.clone()).collect()),
            Some(ConflictTarget::Columns(columns)) => {
                let mut wanted = columns
                    .iter()
                    .map(|c| self.target.def.position(&fold(c)).ok_or_else(|| no_column(self.target, &fold(c))))
                    .collect::<Result<Vec<_>>>()?;
                wanted.sort_unstable();
                let same = |k: &&crate::catalog::KeyDef| {
                    let mut columns = k.columns.clone();
                    columns.sort_unstable();
                    columns == wanted
                };
                let key = keys.iter().find(same).ok_or_else(|| {
                    SqlError::new(
                        "42P10",
                        "there is no unique or exclusion constraint matching the ON CONFLICT specification",
                    )
                    .hint("Name the columns of the primary key or of a UNIQUE constraint.")
                })?;
                Ok(vec![key.columns.clone()])
            }
            Some(ConflictTarget::OnConstraint(name)) => {
                let name = ObjectRef::parse(name)?.name;
                let key = keys.iter().find(|k| k.name == name).ok_or_else(|| {
                    SqlError::new(
                        "42704",
                        format!("constraint \"{name}\" for table \"{}\" does not exist", self.target.def.name),
                    )
                })?;
                Ok(vec![key.columns.clone()])
            }
        }
    }

    /// Rows without a conflict, and rows with the number of the row they conflict with.
    fn split(&self, keys: &[Vec<usize>], rows: &RecordBatch, updates: bool) -> Result<(Vec<u32>, Matched)> {
        let mut existing: Vec<Option<i64>> = vec![None; rows.num_rows()];
        let mut repeated = vec![false; rows.num_rows()];
        for key in keys {
            let found = self.context.find_rows(self.view, self.target, key, rows)?;
            for (slot, found) in existing.iter_mut().zip(found) {
                *slot = slot.or(found);
            }
            let columns: Vec<ArrayRef> = key.iter().map(|&c| sluice_zset::normalize_key(rows.column(c))).collect();
            let grouped = sluice_zset::group_rows(&columns, rows.num_rows())?;
            for (row, &group) in grouped.group_of.iter().enumerate() {
                let null = columns.iter().any(|c| c.is_null(row));
                repeated[row] |= !null && grouped.firsts[group as usize] as usize != row;
            }
        }
        if updates && repeated.contains(&true) {
            return Err(SqlError::new("21000", "ON CONFLICT DO UPDATE command cannot affect row a second time").hint(
                "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.",
            ));
        }
        let mut fresh = vec![];
        let mut matched = vec![];
        for (row, existing) in existing.into_iter().enumerate() {
            match existing {
                Some(id) => matched.push((row as u32, id)),
                None if !repeated[row] => fresh.push(row as u32),
                None => {}
            }
        }
        Ok((fresh, matched))
    }

    async fn update(
        &mut self,
        insert: &Insert,
        update: &ast::DoUpdate,
        rows: &RecordBatch,
        matched: Matched,
        params: &[ScalarValue],
    ) -> Result<RecordBatch> {
        let (proposed, ids): (Vec<u32>, Vec<i64>) = matched.into_iter().unzip();
        let ids = Int64Array::from(ids);
        let old = self.context.rows_by_id(self.view, self.target, &ids)?;
        let excluded = sluice_zset::gather(rows, &UInt32Array::from(proposed))?;
        let alias = insert.table_alias.as_ref().map_or(self.target.def.name.clone(), |a| fold(&a.alias));
        let paired = super::update::Paired { alias, old: old.clone(), excluded, ids: ids.clone() };
        let (kept, new) =
            super::update::assign_paired(self.context, self.view, self.path, self.target, update, &paired, params)
                .await?;
        check_rows(self.context, self.view, self.target, &new).await?;
        let changed: hashbrown::HashSet<i64> = kept.values().iter().copied().collect();
        let mask: BooleanArray = ids.values().iter().map(|id| Some(changed.contains(id))).collect();
        let gone = arrow::compute::filter_record_batch(&old, &mask)?;
        self.staged.remove(&gone, &kept_in_order(&ids, &mask)?)?;
        self.staged.add(new.clone(), kept);
        Ok(new)
    }
}

fn kept_in_order(ids: &Int64Array, mask: &BooleanArray) -> Result<Int64Array> {
    use arrow::array::AsArray;
    Ok(arrow::compute::filter(ids, mask)?.as_primitive::<arrow::datatypes::Int64Type>().clone())
}
