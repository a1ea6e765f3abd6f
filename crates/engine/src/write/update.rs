use super::assign::{Target, check_rows};
use super::insert::{generated_always, is_default, no_column};
use super::returning::returning;
use super::{Changed, WriteSet};
use crate::Context;
use crate::catalog::{Identity, ObjectRef};
use crate::read::{Names, ROW_ID, ReadView, Staged};
use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use hashbrown::HashSet;
use sluice_sql::{Result, SqlError, fold};
use sqlparser::ast::{
    self, Assignment, AssignmentTarget, Expr as SqlExpr, Ident, TableFactor, TableWithJoins, Update,
    UpdateTableFromKind, With,
};
use std::sync::Arc;

/// UPDATE: a query for row number, old row and new values, which are then staged.
pub(crate) async fn update(
    context: &Context,
    view: &ReadView,
    path: &[String],
    update: &Update,
    with: Option<&With>,
    params: &[ScalarValue],
) -> Result<Changed> {
    let Update {
        update_token: _,
        optimizer_hints: _,
        table,
        assignments,
        from,
        selection,
        returning: items,
        output,
        or,
        order_by,
        limit,
    } = update;
    if output.is_some() || or.is_some() || !order_by.is_empty() || limit.is_some() {
        return Err(SqlError::unsupported("this clause of another SQL dialect", "Write UPDATE as PostgreSQL has it."));
    }
    let (target, alias) = target(view, path, table)?;
    let from = match from {
        None => String::new(),
        Some(UpdateTableFromKind::AfterSet(from)) => list(from),
        Some(UpdateTableFromKind::BeforeSet(_)) => {
            return Err(SqlError::unsupported("FROM before SET", "Write UPDATE t SET ... FROM ... WHERE ...."));
        }
    };
    let assigned = assigned(&target, assignments)?;
    let query = select_old_and_new(&target, &alias, table, &assigned, &from, selection.as_ref())?;
    let query = ast::Query { with: with.cloned(), ..query };
    let found = collect(context, view, path, &target, &query, params).await?;
    let found = once_each(found)?;

    let width = target.def.columns.len();
    let ids = found.column(0).as_primitive::<Int64Type>().clone();
    let old: Vec<ArrayRef> = (0..width).map(|i| Arc::clone(found.column(1 + i))).collect();
    let old = target.assign(old, found.num_rows())?;
    let new = assign(context, &target, old.columns().to_vec(), &assigned, &found)?;
    check_rows(context, view, &target, &new).await?;
    let mut staged = Staged::new(Arc::clone(&target.schema));
    staged.remove(&old, &ids)?;
    staged.add(new.clone(), ids);
    let rows = new.num_rows();
    let returning = match items {
        None => None,
        Some(items) => Some(returning(context, view, path, &target, alias_ident(table), items, new).await?),
    };
    let mut writes = WriteSet::default();
    writes.tables.insert(target.def.id, staged);
    Ok(Changed { writes, rows, returning })
}

/// The table to change, and the name by which the statement calls it.
pub(crate) fn target(view: &ReadView, path: &[String], table: &TableWithJoins) -> Result<(Target, String)> {
    let TableFactor::Table { name, alias, .. } = &table.relation else {
        return Err(SqlError::new("42601", "a table name is expected"));
    };
    if !table.joins.is_empty() {
        return Err(SqlError::unsupported("a join in the target", "Write FROM or USING."));
    }
    let def = view.version.catalog.get(&ObjectRef::parse(name)?, path)?;
    let alias = alias.as_ref().map_or(def.name.clone(), |a| fold(&a.name));
    Ok((Target::new(Arc::clone(def))?.in_zone(view.zone), alias))
}

pub(crate) fn alias_ident(table: &TableWithJoins) -> Option<&Ident> {
    match &table.relation {
        TableFactor::Table { alias: Some(alias), .. } => Some(&alias.name),
        _ => None,
    }
}

pub(crate) fn list(tables: &[TableWithJoins]) -> String {
    tables.iter().map(|t| format!(", {t}")).collect()
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What an assignment puts into a column.
enum Value {
    Expr(Box<SqlExpr>),
    /// The next number of a sequence.
    Number(i64),
}

impl Value {
    /// How a query computes it; numbers are drawn later, for the rows that are found.
    fn text(&self) -> String {
        match self {
            Self::Expr(expr) => expr.to_string(),
            Self::Number(_) => "NULL".into(),
        }
    }
}

/// Positions and values of the assigned columns.
fn assigned(target: &Target, assignments: &[Assignment]) -> Result<Vec<(usize, Value)>> {
    let mut assigned: Vec<(usize, Value)> = vec![];
    for (name, value) in single_assignments(assignments)? {
        let name = ObjectRef::parse(name)?.name;
        let position = target.def.position(&name).ok_or_else(|| no_column(target, &name))?;
        if assigned.iter().any(|(p, _)| *p == position) {
            return Err(SqlError::new("42601", format!("multiple assignments to same column \"{name}\"")));
        }
        let column = &target.def.columns[position];
        if column.identity == Some(Identity::Always) && !is_default(value) {
            return Err(SqlError::new("428C9", format!("column \"{name}\" can only be updated to DEFAULT"))
                .detail(generated_always(&name)));
        }
        let value = match (is_default(value), column.sequence) {
            (false, _) => Value::Expr(Box::new(value.clone())),
            (true, Some(sequence)) => Value::Number(sequence),
            (true, None) => {
                let default = column.default.as_deref().unwrap_or("NULL");
                Value::Expr(Box::new(crate::statement::parse_expr(default)?))
            }
        };
        assigned.push((position, value));
    }
    Ok(assigned)
}

/// Each column with its value; `(a, b) = (1, 2)` is `a = 1, b = 2`.
pub(crate) fn single_assignments(assignments: &[Assignment]) -> Result<Vec<(&ast::ObjectName, &SqlExpr)>> {
    let mut single = vec![];
    for Assignment { target, value } in assignments {
        match target {
            AssignmentTarget::ColumnName(name) => single.push((name, value)),
            AssignmentTarget::Tuple(names) => {
                let values = row_values(value)?;
                if values.len() != names.len() {
                    return Err(SqlError::new("42601", "number of columns does not match number of values"));
                }
                single.extend(names.iter().zip(values));
            }
        }
    }
    Ok(single)
}

/// The values of `(1, 2)` and `ROW(1, 2)`.
fn row_values(value: &SqlExpr) -> Result<Vec<&SqlExpr>> {
    use ast::{FunctionArg, FunctionArgExpr, FunctionArguments};
    match value {
        SqlExpr::Tuple(values) => Ok(values.iter().collect()),
        SqlExpr::Function(f) if f.name.to_string().eq_ignore_ascii_case("row") => match &f.args {
            FunctionArguments::List(list) if list.clauses.is_empty() => {
                let value = |arg| match arg {
                    &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref value)) => Ok(value),
                    other => Err(SqlError::new("42601", format!("{other} is no value of a row"))),
                };
                list.args.iter().map(value).collect()
            }
            _ => Ok(vec![]),
        },
        SqlExpr::Subquery(_) => Err(SqlError::unsupported(
            "SET (a, b) = (SELECT ...)",
            "Write UPDATE t SET a = q.a, b = q.b FROM (SELECT ...) AS q WHERE ....",
        )),
        _ => Err(SqlError::new(
            "0A000",
            "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
        )
        .hint("Write (a, b) = (1, 2).")),
    }
}

/// The new forms of rows: those `found` by a query that shows row numbers, old columns and assigned values.
fn assign(
    context: &Context,
    target: &Target,
    mut columns: Vec<ArrayRef>,
    assigned: &[(usize, Value)],
    found: &RecordBatch,
) -> Result<RecordBatch> {
    let first = 1 + columns.len();
    for (i, (position, value)) in assigned.iter().enumerate() {
        columns[*position] = match value {
            Value::Expr(_) => Arc::clone(found.column(first + i)),
            Value::Number(sequence) => Arc::new(context.sequences.take(*sequence, found.num_rows())?),
        };
    }
    target.assign(columns, found.num_rows())
}

/// `SELECT row id, old columns, new values FROM target, ... WHERE ...`.
fn select_old_and_new(
    target: &Target,
    alias: &str,
    table: &TableWithJoins,
    assigned: &[(usize, Value)],
    from: &str,
    selection: Option<&SqlExpr>,
) -> Result<ast::Query> {
    let alias = quoted(alias);
    let mut items = vec![format!("{alias}.{ROW_ID}")];
    items.extend(target.def.columns.iter().map(|c| format!("{alias}.{}", quoted(&c.name))));
    for (i, (_, value)) in assigned.iter().enumerate() {
        items.push(format!("{} AS __new_{i}", value.text()));
    }
    let condition = selection.map_or(String::new(), |s| format!(" WHERE {s}"));
    crate::statement::parse_query(&format!("SELECT {} FROM {table}{from}{condition}", items.join(", ")))
}

/// Runs a query that shows row numbers of the target.
pub(crate) async fn collect(
    context: &Context,
    view: &ReadView,
    path: &[String],
    target: &Target,
    query: &ast::Query,
    params: &[ScalarValue],
) -> Result<RecordBatch> {
    let mut names = Names::new(view, context, path);
    names.row_ids_of = Some(target.def.id);
    let declared: Vec<_> = params.iter().map(|p| Some(sluice_sql::SqlType::of_arrow(&p.data_type()))).collect();
    let planned = context.planner.plan(query, &names, &declared)?;
    let plan = crate::session::with_params(planned.plan, params)?;
    let schema = Arc::new(plan.schema().as_arrow().clone());
    let batches = context.runner.collect(plan, view).await?;
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    Ok(concat_batches(&schema, &batches)?)
}

/// A row that a join found several times is changed once.
fn once_each(found: RecordBatch) -> Result<RecordBatch> {
    let ids = found.column(0).as_primitive::<Int64Type>();
    let mut seen = HashSet::new();
    let first: Vec<u32> = (0..found.num_rows()).filter(|&i| seen.insert(ids.value(i))).map(|i| i as u32).collect();
    if first.len() == found.num_rows() {
        return Ok(found);
    }
    Ok(sluice_zset::gather(&found, &UInt32Array::from(first))?)
}

/// Rows that conflict with proposed ones, side by side.
pub(super) struct Paired {
    pub(super) alias: String,
    pub(super) old: RecordBatch,
    pub(super) excluded: RecordBatch,
    pub(super) ids: Int64Array,
}

const PAIRS: &str = "__pairs";

/// ON CONFLICT DO UPDATE SET ... WHERE ...: the numbers of the rows that change, and their new forms.
pub(super) async fn assign_paired(
    context: &Context,
    view: &ReadView,
    path: &[String],
    target: &Target,
    update: &ast::DoUpdate,
    paired: &Paired,
    params: &[ScalarValue],
) -> Result<(Int64Array, RecordBatch)> {
    let assigned = assigned(target, &update.assignments)?;
    let width = target.def.columns.len();
    let mut fields = vec![Field::new(ROW_ID, DataType::Int64, true)];
    let prefix = |p: &str| {
        target
            .schema
            .fields()
            .iter()
            .map(move |f| f.as_ref().clone().with_name(format!("{p}{}", f.name())))
            .collect::<Vec<_>>()
    };
    fields.extend(prefix("old:"));
    fields.extend(prefix("new:"));
    let mut columns: Vec<ArrayRef> = vec![Arc::new(paired.ids.clone())];
    columns.extend(paired.old.columns().iter().cloned());
    columns.extend(paired.excluded.columns().iter().cloned());
    let pairs = sluice_zset::with_row_count(Arc::new(Schema::new(fields)), columns, paired.ids.len())?;

    let side = |prefix: &str, alias: &str| {
        let items = target
            .def
            .columns
            .iter()
            .map(|c| format!("{} AS {}", quoted(&format!("{prefix}{}", c.name)), quoted(&c.name)));
        let items: Vec<String> = items.collect();
        format!("(SELECT {ROW_ID}, {} FROM {PAIRS}) AS {}", items.join(", "), quoted(alias))
    };
    let alias = quoted(&paired.alias);
    let mut items = vec![format!("{alias}.{ROW_ID}")];
    items.extend(target.def.columns.iter().map(|c| format!("{alias}.{}", quoted(&c.name))));
    for (i, (_, value)) in assigned.iter().enumerate() {
        items.push(format!("{} AS __new_{i}", value.text()));
    }
    let condition = update.selection.as_ref().map_or(String::new(), |s| format!(" WHERE {s}"));
    let query = format!(
        "SELECT {} FROM {} JOIN {} ON {alias}.{ROW_ID} = excluded.{ROW_ID}{condition}",
        items.join(", "),
        side("old:", &paired.alias),
        side("new:", "excluded"),
    );
    let mut names = Names::new(view, context, path);
    names.instead = Some((PAIRS.to_string(), pairs));
    let declared: Vec<_> = params.iter().map(|p| Some(sluice_sql::SqlType::of_arrow(&p.data_type()))).collect();
    let planned = context.planner.plan(&crate::statement::parse_query(&query)?, &names, &declared)?;
    let plan = crate::session::with_params(side_by_side(planned.plan)?, params)?;
    let batches = context.runner.collect(plan, view).await?;
    let Some(first) = batches.first() else {
        return Ok((Int64Array::from(Vec::<i64>::new()), RecordBatch::new_empty(Arc::clone(&target.schema))));
    };
    let found = concat_batches(&first.schema(), &batches)?;
    let old: Vec<ArrayRef> = (0..width).map(|i| Arc::clone(found.column(1 + i))).collect();
    let ids = found.column(0).as_primitive::<Int64Type>().clone();
    Ok((ids, assign(context, target, old, &assigned, &found)?))
}

/// The rows came in pairs, so that the join of the two sides by row number is what they were made from.
fn side_by_side(plan: LogicalPlan) -> Result<LogicalPlan> {
    let paired = plan.transform_down(|node| {
        let LogicalPlan::Join(join) = &node else { return Ok(Transformed::no(node)) };
        let (Some(pairs), Some(_)) = (scan_of_pairs(&join.left), scan_of_pairs(&join.right)) else {
            return Ok(Transformed::no(node));
        };
        let sides = join.left.schema().fields().len();
        let source = |i: usize| if i == sides { 0 } else { i - usize::from(i > sides) };
        let columns = join.schema.iter().enumerate().map(|(i, (side, field))| {
            Expr::Column(pairs.schema().columns()[source(i)].clone()).alias_qualified(side.cloned(), field.name())
        });
        let rows = LogicalPlanBuilder::from(pairs.clone()).project(columns)?.build()?;
        Ok(Transformed::new(rows, true, TreeNodeRecursion::Jump))
    })?;
    Ok(paired.data)
}

fn scan_of_pairs(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    match plan {
        LogicalPlan::TableScan(scan) => (scan.table_name.table() == PAIRS).then_some(plan),
        LogicalPlan::SubqueryAlias(alias) => scan_of_pairs(&alias.input),
        LogicalPlan::Projection(projection) => scan_of_pairs(&projection.input),
        _ => None,
    }
}
