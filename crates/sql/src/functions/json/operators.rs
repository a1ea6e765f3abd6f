//! `->` and the other operators of json and jsonb become functions while a query is planned.

use super::function::JsonFunction;
use crate::error::external;
use crate::{SqlError, SqlType};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, ScalarUDF};
use sqlparser::ast::BinaryOperator as O;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct JsonOperators;

impl ExprPlanner for JsonOperators {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right, .. } = &raw;
        if !may_be_json(op, left, right, schema) {
            return Ok(PlannerResult::Original(raw));
        }
        // A name that is not there is told as such; it may be the alias of a function.
        for side in [left, right] {
            if let Err(missing @ DataFusionError::SchemaError(..)) = side.get_type(schema) {
                return Err(missing);
            }
        }
        let (l, r) = (type_of(left, schema), type_of(right, schema));
        let symbol = op.to_string();
        // Either side of these says that the other is one too.
        let both = matches!(op, O::AtArrow | O::ArrowAt | O::StringConcat);
        let binary = match (&l, &r) {
            (SqlType::Jsonb, _) => true,
            (SqlType::Json, _) => false,
            (_, SqlType::Jsonb) if both && is_literal(left) => true,
            _ if is_own(op) => return Err(external(unknown(&symbol, &l, &r))),
            _ => return Ok(PlannerResult::Original(raw)),
        };
        let fits = match op {
            O::Arrow | O::LongArrow => is_text(&r) || is_whole(&r),
            O::HashArrow | O::HashLongArrow => is_list(&r) || is_literal(right),
            O::AtArrow | O::ArrowAt => binary && (r == SqlType::Jsonb || is_literal(right)),
            O::StringConcat if !binary || !(r == SqlType::Jsonb || is_literal(right)) => {
                return Ok(PlannerResult::Original(raw));
            }
            O::StringConcat => true,
            O::Question => binary && is_text(&r),
            O::QuestionPipe | O::QuestionAnd => binary && (is_list(&r) || is_literal(right)),
            O::Minus => binary && (is_text(&r) || is_whole(&r) || is_list(&r)),
            _ => return Ok(PlannerResult::Original(raw)),
        };
        let Some(function) = JsonFunction::operator(&symbol, binary).filter(|_| fits) else {
            return Err(external(unknown(&symbol, &l, &r)));
        };
        let RawBinaryExpr { left, right, .. } = raw;
        let args = if both { vec![jsonb(left), jsonb(right)] } else { vec![left, right] };
        let function = Arc::new(ScalarUDF::new_from_impl(function));
        Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(function, args))))
    }
}

/// Looks at as little as it can: whole types of all operands of a long chain would take long.
fn may_be_json(op: &O, left: &Expr, right: &Expr, schema: &DFSchema) -> bool {
    let is_text = |e: &Expr| e.get_type(schema).is_ok_and(|t| t.is_string() || t.is_null());
    match op {
        O::AtArrow | O::ArrowAt => true,
        O::Minus => is_text(left),
        O::StringConcat => is_text(left) && is_text(right),
        op => is_own(op),
    }
}

/// Operators that nothing but json has here.
fn is_own(op: &O) -> bool {
    matches!(
        op,
        O::Arrow | O::LongArrow | O::HashArrow | O::HashLongArrow | O::Question | O::QuestionPipe | O::QuestionAnd
    )
}

fn unknown(symbol: &str, left: &SqlType, right: &SqlType) -> SqlError {
    let error = SqlError::new("42883", format!("operator does not exist: {} {symbol} {}", left.name(), right.name()));
    match left {
        SqlType::Json => error.hint("Some operators are those of jsonb only: cast the left side with ::jsonb."),
        _ => error.hint("Cast the left side to json or jsonb, as in data::jsonb ->> 'key'."),
    }
}

fn type_of(expr: &Expr, schema: &DFSchema) -> SqlType {
    expr.to_field(schema).map_or(SqlType::Unknown, |(_, field)| SqlType::of_field(&field))
}

fn is_literal(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Literal(ScalarValue::Utf8(_) | ScalarValue::Utf8View(_) | ScalarValue::Null, _) | Expr::Placeholder(_)
    )
}

fn is_text(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Text | SqlType::Varchar(_) | SqlType::Unknown)
}

fn is_whole(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Int2 | SqlType::Int4 | SqlType::Int8)
}

fn is_list(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Array(_))
}

/// A literal becomes a value; what is one stays.
fn jsonb(expr: Expr) -> Expr {
    if !is_literal(&expr) {
        return expr;
    }
    Expr::Cast(Cast::new_from_field(Box::new(expr), Arc::new(SqlType::Jsonb.field(""))))
}
