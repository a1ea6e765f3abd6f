//! Functions in FROM that give rows of their arguments, which may be columns of what stands before them: lists that are
//! taken apart, as `UNNEST` does it.

use crate::walk::{TreeMut, walk_mut};
use crate::{Result, SqlError, fold};
use sqlparser::ast::{
    Array, Expr, FunctionArg, FunctionArgExpr, Ident, ObjectNamePart, Query, Select, SelectItem, TableAlias,
    TableFactor, VisitorMut,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Spells out every such function in `query`.
pub(crate) fn spell_out(query: &mut Query) -> Result<()> {
    walk_mut(TreeMut::Query(query), &mut SetFunctions)
}

/// A list of what a function gives, and its columns as they follow from an element `__set.x`.
struct Rows {
    lists: Vec<String>,
    columns: Vec<(String, Option<String>)>,
}

impl Rows {
    /// One column, which has the name of the function's alias.
    fn of(list: String) -> Option<Self> {
        Some(Self { lists: vec![list], columns: vec![("__set.x".into(), None)] })
    }
}

/// The list that such a function in a list of columns is.
pub(super) fn list(name: &str, args: &[&Expr]) -> Option<String> {
    let args: Vec<String> = args.iter().map(|a| a.to_string()).collect();
    let rows = rows(name, &args, &TableAlias { explicit: true, name: Ident::new("x"), columns: vec![], at: None })?;
    match rows.columns.as_slice() {
        [(column, _)] => Some(column.replace("__set.x", &format!("unnest({})", rows.lists[0]))),
        _ => None,
    }
}

fn rows(name: &str, args: &[String], alias: &TableAlias) -> Option<Rows> {
    let all = args.join(", ");
    let (kind, what) = match name.split_once('_') {
        Some((kind @ ("json" | "jsonb"), what)) => (kind, what),
        _ => ("", name),
    };
    let list = |what: &str| format!("{kind}_list_{what}(CAST(({all}) AS {kind}))");
    let value = |column: &str, named: &str| (column.to_string(), Some(named.to_string()));
    let part = format!("{kind}_part(__set.x)");
    match (kind, what, args.len()) {
        ("", "regexp_split_to_table", 2 | 3) => Rows::of(format!("regexp_split_to_array({all})")),
        ("", "string_to_table", 2 | 3) => Rows::of(format!("string_to_array({all})")),
        ("", "generate_series", 2 | 3) => Rows::of(format!("list_series({all})")),
        ("", "unnest", n @ 1..) => {
            let place = |at: usize| if at == 0 { "__set.x".to_string() } else { format!("__set.x{at}") };
            let name = |at: usize| if at == 0 || n == 1 { None } else { Some("unnest".to_string()) };
            Some(Rows { lists: args.to_vec(), columns: (0..n).map(|at| (place(at), name(at))).collect() })
        }
        ("", ..) => None,
        (_, "array_elements", 1) => Some(Rows { lists: vec![list("elements")], columns: vec![value(&part, "value")] }),
        (_, "array_elements_text", 1) => {
            Some(Rows { lists: vec![list("elements_text")], columns: vec![value("__set.x", "value")] })
        }
        (_, "object_keys", 1) => Rows::of(list("keys")),
        (_, "each" | "each_text", 1) => {
            let arrow = if what == "each" { "->" } else { "->>" };
            let columns = vec![value(&format!("{part} ->> 0"), "key"), value(&format!("{part} {arrow} 1"), "value")];
            Some(Rows { lists: vec![list("pairs")], columns })
        }
        (_, "to_recordset", 1) => Some(Rows { lists: vec![list("elements")], columns: record(kind, alias)? }),
        (_, "to_record", 1) => Some(Rows { lists: vec![list("whole")], columns: record(kind, alias)? }),
        _ => None,
    }
}

/// The columns that `AS t(a int, b text)` takes out of an object.
fn record(kind: &str, alias: &TableAlias) -> Option<Vec<(String, Option<String>)>> {
    let columns = alias.columns.iter().map(|column| {
        let ty = column.data_type.as_ref()?.to_string();
        let is_json = matches!(ty.to_lowercase().as_str(), "json" | "jsonb");
        let arrow = if is_json { "->" } else { "->>" };
        let key = fold(&column.name).replace('\'', "''");
        Some((format!("CAST(({kind}_part(__set.x) {arrow} '{key}') AS {ty})"), Some(fold(&column.name))))
    });
    let columns = columns.collect::<Option<Vec<_>>>()?;
    (!columns.is_empty()).then_some(columns)
}

/// `FROM jsonb_array_elements_text(tags) AS tag` calls its column `value`; where nothing else is called so, `tag` is that
/// column too. Returns whether the missing name was such a one.
pub(crate) fn name_values(query: &mut Query, error: &SqlError) -> bool {
    let Some(missing) = error.message.split('"').nth(1) else { return false };
    let mut values = Values { of: missing.to_string(), found: false, changed: false };
    // It never breaks off.
    let _ = walk_mut(TreeMut::Query(query), &mut values);
    if values.found {
        let _ = walk_mut(TreeMut::Query(query), &mut values);
    }
    values.changed
}

/// First looks for the function, then gives its name's meaning.
struct Values {
    of: String,
    found: bool,
    changed: bool,
}

impl Values {
    fn is_it(&self, expr: &Expr) -> bool {
        self.found && matches!(expr, Expr::Identifier(name) if fold(name) == self.of)
    }
}

impl VisitorMut for Values {
    type Break = SqlError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        let (TableFactor::Table { name, args: Some(_), alias, .. } | TableFactor::Function { name, alias, .. }) =
            factor
        else {
            return ControlFlow::Continue(());
        };
        let function = name.0.last().and_then(ObjectNamePart::as_ident).map(fold).unwrap_or_default();
        let one = ["json", "jsonb"].iter().any(|kind| {
            function.strip_prefix(kind).is_some_and(|f| matches!(f, "_array_elements" | "_array_elements_text"))
        });
        let named = alias.as_ref().map_or(function.clone(), |alias| fold(&alias.name));
        self.found |= one && named == self.of && alias.as_ref().is_none_or(|alias| alias.columns.is_empty());
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && self.is_it(expr)
            {
                let alias = Ident::with_quote('"', self.of.as_str());
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        if self.is_it(expr) {
            *expr = Expr::CompoundIdentifier(vec![Ident::with_quote('"', self.of.as_str()), Ident::new("value")]);
            self.changed = true;
        }
        ControlFlow::Continue(())
    }
}

struct SetFunctions;

impl VisitorMut for SetFunctions {
    type Break = SqlError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        match spelled(factor) {
            Ok(Some(spelled)) => {
                *factor = spelled;
                ControlFlow::Continue(())
            }
            Ok(None) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn spelled(factor: &TableFactor) -> Result<Option<TableFactor>> {
    let (name, args, alias, numbered) = match factor {
        TableFactor::Table { name, args: Some(args), alias, with_ordinality, .. } => {
            (name.clone(), arguments(&args.args), alias, *with_ordinality)
        }
        TableFactor::Function { name, args, alias, with_ordinality, .. } => {
            (name.clone(), arguments(args), alias, *with_ordinality)
        }
        TableFactor::UNNEST { array_exprs, alias, with_offset: false, with_ordinality, .. } => {
            (Ident::new("unnest").into(), Some(array_exprs.clone()), alias, *with_ordinality)
        }
        _ => return Ok(None),
    };
    // What this has written itself.
    if alias.as_ref().is_some_and(|alias| alias.name.value == "__set") {
        return Ok(None);
    }
    let Some(name) = name.0.last().and_then(ObjectNamePart::as_ident).map(fold) else { return Ok(None) };
    let Some(args) = args else { return Ok(None) };
    let names_columns = args.iter().any(refers);
    // Where nothing refers to what stands before, there is a table function, or the planner's own UNNEST.
    if !numbered && !names_columns && matches!(name.as_str(), "generate_series" | "unnest") {
        return Ok(None);
    }
    let args: Vec<String> = args.into_iter().map(|a| in_function(a).to_string()).collect();
    let unnamed = TableAlias { explicit: true, name: Ident::new(name.as_str()), columns: vec![], at: None };
    let alias = alias.clone().unwrap_or(unnamed);
    let Some(mut rows) = rows(&name, &args, &alias) else { return Ok(None) };
    let mut inner: Vec<String> =
        (0..rows.lists.len()).map(|at| if at == 0 { "x".into() } else { format!("x{at}") }).collect();
    if numbered {
        rows.lists.push(format!("list_places({})", rows.lists.join(", ")));
        rows.columns.push(("__set.n".into(), Some("ordinality".into())));
        inner.push("n".into());
    }
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let shown: Vec<String> = rows
        .columns
        .iter()
        .map(|(column, named)| {
            let named = named.clone().unwrap_or_else(|| fold(&alias.name));
            format!("{column} AS {}", quote(&named))
        })
        .collect();
    let names: Vec<String> = alias.columns.iter().map(|c| c.name.to_string()).collect();
    let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    let text = format!(
        "SELECT 1 FROM LATERAL (SELECT {} FROM UNNEST({}) AS __set ({})) AS {}{names}",
        shown.join(", "),
        rows.lists.join(", "),
        inner.join(", "),
        alias.name
    );
    let query = Parser::new(&PostgreSqlDialect {}).try_with_sql(&text)?.parse_query()?;
    match *query.body {
        sqlparser::ast::SetExpr::Select(mut select) => Ok(select.from.pop().map(|t| t.relation)),
        _ => Ok(None),
    }
}

fn arguments(args: &[FunctionArg]) -> Option<Vec<Expr>> {
    let plain = |a: &FunctionArg| match a {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e.clone()),
        _ => None,
    };
    args.iter().map(plain).collect()
}

fn refers(expr: &Expr) -> bool {
    let mut found = false;
    crate::each_expr(crate::Tree::Expr(expr), &mut |e| {
        found |= matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    });
    found
}

/// The planner looks names in `ARRAY[...]` up in the nearest query only.
fn in_function(expr: Expr) -> Expr {
    let mut expr = expr;
    crate::walk::each_expr_mut(TreeMut::Expr(&mut expr), &mut |e: &mut Expr| {
        if let Expr::Array(Array { elem, .. }) = e
            && elem.iter().any(refers)
        {
            let elements: Vec<String> = elem.iter().map(ToString::to_string).collect();
            let text = format!("make_array({})", elements.join(", "));
            if let Ok(call) = Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).and_then(|mut p| p.parse_expr()) {
                *e = call;
            }
        }
    });
    expr
}
