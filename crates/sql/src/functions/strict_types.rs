//! Types that do not meet in PostgreSQL do not meet here: the planner would compare a date with a number, or make text of
//! both sides of a UNION. Literals in quotes have no type of their own and take the other's.

use super::cast::cast_column;
use super::compared::compares;
use super::rewrite::{InValues, rewrite};
use crate::error::external;
use crate::{SqlError, SqlType};
use arrow::array::{ArrayRef, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, NullEquality, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::{InList, InSubquery, ScalarFunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, Case, Cast, Expr, ExprSchemable, Join, Like, LogicalPlan, Operator, Projection, Union,
};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

/// Runs first, on the query as it was written.
#[derive(Debug)]
pub(crate) struct StrictTypes;

impl AnalyzerRule for StrictTypes {
    fn name(&self) -> &str {
        "strict_types"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = rewrite(plan, InValues::Keep, checked)?;
        let changed = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Union(union) => Ok(Transformed::yes(LogicalPlan::Union(united(union)?))),
            LogicalPlan::Join(join) => {
                joined(&join)?;
                Ok(Transformed::no(LogicalPlan::Join(join)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        if !changed.transformed {
            return Ok(changed.data);
        }
        Ok(changed.data.transform_up_with_subqueries(|node| Ok(Transformed::yes(node.recompute_schema()?)))?.data)
    }
}

/// Types that can be compared with each other.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Boolean,
    /// Text, and all that is stored as text.
    Text,
    Time,
    Clock,
    Interval,
    Bytes,
    Array,
}

fn kind(ty: &DataType) -> Option<Kind> {
    Some(match ty {
        t if t.is_numeric() => Kind::Number,
        DataType::Boolean => Kind::Boolean,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => Kind::Text,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Kind::Time,
        DataType::Time32(_) | DataType::Time64(_) => Kind::Clock,
        DataType::Interval(_) | DataType::Duration(_) => Kind::Interval,
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => Kind::Bytes,
        DataType::List(_) => Kind::Array,
        _ => return None,
    })
}

/// A text in quotes, or NULL.
fn is_open(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(ScalarValue::Utf8(_) | ScalarValue::Null, _) => true,
        Expr::Alias(alias) => is_open(&alias.expr),
        _ => false,
    }
}

/// The type of an expression that has one of its own.
fn type_of(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    if is_open(expr) || sql_type(expr, schema).is_some_and(|ty| is_of_catalog(&ty)) {
        return None;
    }
    expr.get_type(schema).ok().filter(|t| kind(t).is_some())
}

/// Columns of the catalog that are always empty are text, whatever PostgreSQL has there.
fn is_of_catalog(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Oid | SqlType::Regclass | SqlType::Int2Vector)
}

/// What PostgreSQL calls the type of an expression.
pub(super) fn name(expr: &Expr, schema: &DFSchema) -> String {
    match expr {
        e if is_open(e) => "unknown".into(),
        Expr::Literal(ScalarValue::Int64(Some(v)), _) if i32::try_from(*v).is_ok() => "integer".into(),
        e => sql_type(e, schema).map_or_else(|| "unknown".into(), |ty| plain(&ty)),
    }
}

/// A cast says itself what it gives; the planner keeps the name of the type that goes in.
fn sql_type(expr: &Expr, schema: &DFSchema) -> Option<SqlType> {
    match expr {
        Expr::Cast(cast) => Some(SqlType::of_field(&cast.field)),
        e => e.to_field(schema).ok().map(|(_, f)| SqlType::of_field(&f)),
    }
}

/// Without length, precision and scale.
fn plain(ty: &SqlType) -> String {
    match ty {
        SqlType::Numeric(_) => "numeric".into(),
        SqlType::Varchar(_) => "character varying".into(),
        other => other.name(),
    }
}

fn apart(left: &Expr, right: &Expr, schema: &DFSchema) -> bool {
    match (type_of(left, schema), type_of(right, schema)) {
        (Some(l), Some(r)) => kind(&l) != kind(&r),
        _ => false,
    }
}

fn no_operator(left: &Expr, symbol: &str, right: &Expr, schema: &DFSchema) -> DataFusionError {
    let message = format!("operator does not exist: {} {symbol} {}", name(left, schema), name(right, schema));
    external(
        SqlError::new("42883", message)
            .hint("No operator matches the given name and argument types. You might need to add explicit type casts."),
    )
}

fn compared(left: &Expr, symbol: &str, right: &Expr, schema: &DFSchema) -> Result<()> {
    if apart(left, right, schema) { Err(no_operator(left, symbol, right, schema)) } else { Ok(()) }
}

fn checked(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match &expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
            let symbol = match op {
                Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => "=".to_string(),
                op => op.to_string(),
            };
            compared(left, &symbol, right, schema)?;
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => texts_only(left, *op, right, schema)?,
        Expr::Like(Like { expr: text, pattern, .. }) if !is_text(text, schema) || !is_text(pattern, schema) => {
            return Err(no_operator(text, "~~", pattern, schema));
        }
        Expr::Between(Between { expr: value, low, high, .. }) => {
            compared(value, ">=", low, schema)?;
            compared(value, "<=", high, schema)?;
        }
        Expr::InList(InList { expr: value, list, .. }) => {
            list.iter().try_for_each(|one| compared(value, "=", one, schema))?;
        }
        Expr::InSubquery(InSubquery { expr: value, subquery, .. }) => {
            let of = subquery.subquery.schema();
            if let ([field], Some(ty)) = (of.fields().iter().collect::<Vec<_>>().as_slice(), type_of(value, schema))
                && !is_of_catalog(&SqlType::of_field(field))
                && kind(field.data_type()).is_some_and(|k| Some(k) != kind(&ty))
                && !shown_open(&subquery.subquery, 0)
            {
                let other = plain(&SqlType::of_field(field));
                let message = format!("operator does not exist: {} = {other}", name(value, schema));
                return Err(external(SqlError::new("42883", message).hint("Cast one side.")));
            }
        }
        Expr::AggregateFunction(f) if matches!(f.func.name(), "min" | "max") => {
            let unordered = |e: &Expr| {
                use SqlType as T;
                matches!(sql_type(e, schema), Some(T::Bool | T::Bytea | T::Uuid | T::Json | T::Jsonb))
            };
            if let [of] = f.params.args.as_slice()
                && !is_open(of)
                && unordered(of)
            {
                let message = format!("function {}({}) does not exist", f.func.name(), name(of, schema));
                return Err(external(SqlError::new("42883", message).hint("Booleans: bool_or. Others: cast to text.")));
            }
        }
        Expr::Case(case) => return Ok(Transformed::yes(Expr::Case(of_case(case.clone(), schema)?))),
        Expr::ScalarFunction(f) => return of_function(f.clone(), schema),
        _ => {}
    }
    Ok(Transformed::no(expr))
}

fn is_text(expr: &Expr, schema: &DFSchema) -> bool {
    type_of(expr, schema).is_none_or(|t| kind(&t) == Some(Kind::Text))
}

/// Regular expressions take text, and at least one side of `||` is text or is no plain value.
fn texts_only(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Result<()> {
    use Operator as O;
    let refused = match op {
        O::RegexMatch | O::RegexIMatch | O::RegexNotMatch | O::RegexNotIMatch => {
            !is_text(left, schema) || !is_text(right, schema)
        }
        O::StringConcat => {
            let plain = |e| {
                type_of(e, schema).is_some_and(|t| !matches!(kind(&t), Some(Kind::Text | Kind::Array | Kind::Bytes)))
            };
            plain(left) && plain(right)
        }
        _ => false,
    };
    let symbol = match op {
        O::RegexMatch => "~".to_string(),
        O::RegexIMatch => "~*".to_string(),
        O::RegexNotMatch => "!~".to_string(),
        O::RegexNotIMatch => "!~*".to_string(),
        op => op.to_string(),
    };
    if refused { Err(no_operator(left, &symbol, right, schema)) } else { Ok(()) }
}

fn of_case(mut case: Case, schema: &DFSchema) -> Result<Case> {
    if let Some(of) = &case.expr {
        case.when_then_expr.iter().try_for_each(|(when, _)| compared(of, "=", when, schema))?;
    }
    let mut results: Vec<Expr> = case.else_expr.iter().map(|e| e.as_ref().clone()).collect();
    let has_else = results.len();
    results.extend(case.when_then_expr.iter().map(|(_, then)| then.as_ref().clone()));
    let mut matched = matched("CASE", results, schema)?.into_iter();
    if has_else == 1 {
        case.else_expr = matched.next().map(Box::new);
    }
    for ((_, then), result) in case.when_then_expr.iter_mut().zip(matched) {
        **then = result;
    }
    Ok(case)
}

fn of_function(mut f: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let what = match f.name() {
        "coalesce" => "COALESCE",
        "greatest" => "GREATEST",
        "least" => "LEAST",
        "make_array" => "ARRAY",
        "nullif" if f.args.len() == 2 => {
            compared(&f.args[0], "=", &f.args[1], schema)?;
            return Ok(Transformed::no(Expr::ScalarFunction(f)));
        }
        _ => {
            of_texts(&f, schema)?;
            return Ok(Transformed::no(Expr::ScalarFunction(f)));
        }
    };
    f.args = matched(what, f.args, schema)?;
    Ok(Transformed::yes(Expr::ScalarFunction(f)))
}

/// How many arguments of a function, from the first, are text.
const OF_TEXTS: [(&str, usize); 32] = [
    ("upper", 1),
    ("lower", 1),
    ("initcap", 1),
    ("length", 1),
    ("char_length", 1),
    ("character_length", 1),
    ("bit_length", 1),
    ("octet_length", 1),
    ("reverse", 1),
    ("ascii", 1),
    ("md5", 1),
    ("btrim", 2),
    ("ltrim", 2),
    ("rtrim", 2),
    ("trim", 2),
    ("left", 1),
    ("right", 1),
    ("repeat", 1),
    ("lpad", 1),
    ("rpad", 1),
    ("substr", 1),
    ("split_part", 2),
    ("replace", 3),
    ("translate", 3),
    ("overlay", 2),
    ("strpos", 2),
    ("starts_with", 2),
    ("string_to_array", 2),
    ("regexp_replace", 3),
    ("regexp_match", 2),
    ("regexp_like", 2),
    ("regexp_count", 2),
];

fn of_texts(f: &ScalarFunction, schema: &DFSchema) -> Result<()> {
    let Some((_, texts)) = OF_TEXTS.iter().find(|(name, _)| *name == f.name()) else { return Ok(()) };
    let wrong = |e: &Expr| type_of(e, schema).is_some_and(|t| !matches!(kind(&t), Some(Kind::Text | Kind::Bytes)));
    if !f.args.iter().take(*texts).any(wrong) {
        return Ok(());
    }
    let types: Vec<String> = f.args.iter().map(|a| name(a, schema)).collect();
    let message = format!("function {}({}) does not exist", f.name(), types.join(", "));
    let hint = "No function matches the given name and argument types. You might need to add explicit type casts.";
    Err(external(SqlError::new("42883", message).hint(hint)))
}

/// Expressions one of which becomes the value: of one kind, literals of the type of the others.
pub(super) fn matched(what: &str, exprs: Vec<Expr>, schema: &DFSchema) -> Result<Vec<Expr>> {
    let types: Vec<Option<DataType>> = exprs.iter().map(|e| type_of(e, schema)).collect();
    let Some(ty) = common(types.iter().flatten()) else { return Ok(exprs) };
    let first = types.iter().position(Option::is_some).unwrap_or_default();
    for (at, other) in types.iter().enumerate() {
        if other.as_ref().is_some_and(|t| kind(t) != kind(&ty)) {
            let (one, other) = (name(&exprs[first], schema), name(&exprs[at], schema));
            let message = format!("{what} types {one} and {other} cannot be matched");
            return Err(external(SqlError::new("42804", message).hint("Cast one of them.")));
        }
    }
    exprs.into_iter().map(|e| typed(e, &ty)).collect()
}

/// The first type, or the widest number.
fn common<'a>(types: impl Iterator<Item = &'a DataType>) -> Option<DataType> {
    let rank = |t: &DataType| match t {
        DataType::Float32 | DataType::Float64 => 3,
        t if t.is_decimal() => 2,
        DataType::Int64 => 1,
        _ => 0,
    };
    types.cloned().reduce(|first, next| {
        let wider =
            kind(&first) == Some(Kind::Number) && kind(&next) == Some(Kind::Number) && rank(&next) > rank(&first);
        if wider { next } else { first }
    })
}

/// A literal in quotes as a value of the type; other expressions as they are.
pub(super) fn typed(expr: Expr, ty: &DataType) -> Result<Expr> {
    let Expr::Literal(ScalarValue::Utf8(Some(text)), metadata) = &expr else { return Ok(expr) };
    Ok(match kind(ty) {
        Some(Kind::Number) if ty.is_decimal() => Expr::Literal(decimal(text)?, metadata.clone()),
        Some(Kind::Number | Kind::Boolean) => {
            let column: ArrayRef = Arc::new(StringViewArray::from(vec![text.as_str()]));
            let value = ScalarValue::try_from_array(&cast_column(&column, ty)?, 0)?;
            Expr::Literal(value, metadata.clone())
        }
        Some(Kind::Time | Kind::Clock | Kind::Interval) => Expr::Cast(Cast::new(Box::new(expr), ty.clone())),
        _ => expr,
    })
}

/// A number with the decimals that it is written with.
fn decimal(text: &str) -> Result<ScalarValue> {
    let trimmed = text.trim();
    let scale =
        trimmed.split_once('.').map_or(0, |(_, decimals)| decimals.bytes().take_while(u8::is_ascii_digit).count());
    let ty = DataType::Decimal128(38, scale.min(38) as i8);
    let column: ArrayRef = Arc::new(StringViewArray::from(vec![text]));
    ScalarValue::try_from_array(&cast_column(&column, &ty)?, 0)
}

/// Whether a column of a query is a literal without a type.
fn shown_open(plan: &LogicalPlan, at: usize) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => projection.expr.get(at).is_some_and(is_open),
        LogicalPlan::Union(union) => union.inputs.iter().all(|input| shown_open(input, at)),
        LogicalPlan::Distinct(distinct) => shown_open(distinct.input(), at),
        _ => false,
    }
}

fn united(mut union: Union) -> Result<Union> {
    for at in 0..union.schema.fields().len() {
        let types: Vec<Option<DataType>> = union
            .inputs
            .iter()
            .map(|input| {
                let field = input.schema().fields().get(at).filter(|f| !is_of_catalog(&SqlType::of_field(f)));
                let ty = field.map(|f| f.data_type().clone());
                ty.filter(|t| kind(t).is_some() && !shown_open(input, at))
            })
            .collect();
        let Some(ty) = common(types.iter().flatten()) else { continue };
        if let Some(other) = types.iter().flatten().find(|t| kind(t) != kind(&ty)) {
            return Err(unmatched("UNION", &ty, other));
        }
        for input in &mut union.inputs {
            if shown_open(input, at)
                && let LogicalPlan::Projection(projection) = input.as_ref()
            {
                *input = Arc::new(LogicalPlan::Projection(with_typed(projection, at, &ty)?));
            }
        }
    }
    Ok(union)
}

fn unmatched(what: &str, one: &DataType, other: &DataType) -> DataFusionError {
    let (one, other) = (plain(&SqlType::of_arrow(one)), plain(&SqlType::of_arrow(other)));
    let message = format!("{what} types {one} and {other} cannot be matched");
    external(SqlError::new("42804", message).hint("Cast one of them."))
}

fn with_typed(projection: &Projection, at: usize, ty: &DataType) -> Result<Projection> {
    let mut columns = projection.expr.clone();
    let (qualifier, field) = projection.schema.qualified_field(at);
    let literal = columns[at].clone().unalias();
    columns[at] = typed(literal, ty)?.alias_qualified(qualifier.cloned(), field.name());
    Projection::try_new(columns, Arc::clone(&projection.input))
}

/// Keys of joins that USING, INTERSECT and EXCEPT name.
fn joined(join: &Join) -> Result<()> {
    let of_set = join.null_equality == NullEquality::NullEqualsNull;
    for (left, right) in &join.on {
        let (Some(l), Some(r)) = (type_of(left, join.left.schema()), type_of(right, join.right.schema())) else {
            continue;
        };
        if kind(&l) == kind(&r) {
            continue;
        }
        if of_set {
            return Err(unmatched("INTERSECT", &l, &r));
        }
        let (l, r) = (plain(&SqlType::of_arrow(&l)), plain(&SqlType::of_arrow(&r)));
        let message = format!("operator does not exist: {l} = {r}");
        return Err(external(SqlError::new("42883", message).hint("Join columns of types that compare.")));
    }
    Ok(())
}
