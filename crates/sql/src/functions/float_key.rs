//! Floats that are compared: -0.0 equals 0.0 and all NaNs are equal, which the order that Arrow compares by tells apart.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, Case, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// Puts floats that `expr` compares into the form in which equal ones have equal bits.
pub(super) fn compared(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let key = |e: Box<Expr>| Box::new(keyed(*e));
    let is_float = |e: &Expr| e.get_type(schema).is_ok_and(|t| t.is_floating());
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) && is_float(&left) && is_float(&right) => {
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left: key(left), op, right: key(right) }))
        }
        Expr::Between(Between { expr, negated, low, high }) if is_float(&expr) => {
            Transformed::yes(Expr::Between(Between { expr: key(expr), negated, low: key(low), high: key(high) }))
        }
        Expr::InList(InList { expr, list, negated }) if is_float(&expr) => {
            let list = list.into_iter().map(keyed).collect();
            Transformed::yes(Expr::InList(InList { expr: key(expr), list, negated }))
        }
        Expr::Case(Case { expr: Some(of), when_then_expr, else_expr }) if is_float(&of) => {
            let when_then_expr = when_then_expr.into_iter().map(|(when, then)| (key(when), then)).collect();
            Transformed::yes(Expr::Case(Case { expr: Some(key(of)), when_then_expr, else_expr }))
        }
        Expr::ScalarFunction(f) if f.name() == "nullif" && f.args.iter().all(is_float) && f.args.len() == 2 => {
            let equal = Expr::BinaryExpr(BinaryExpr {
                left: key(Box::new(f.args[0].clone())),
                op: Operator::Eq,
                right: key(Box::new(f.args[1].clone())),
            });
            let null = ScalarValue::try_new_null(&f.args[0].get_type(schema)?)?;
            Transformed::yes(Expr::Case(Case {
                expr: None,
                when_then_expr: vec![(Box::new(equal), Box::new(Expr::Literal(null, None)))],
                else_expr: f.args.into_iter().next().map(Box::new),
            }))
        }
        other => Transformed::no(other),
    })
}

fn compares(op: Operator) -> bool {
    use Operator as O;
    matches!(op, O::Eq | O::NotEq | O::Lt | O::LtEq | O::Gt | O::GtEq | O::IsDistinctFrom | O::IsNotDistinctFrom)
}

fn keyed(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Float64(Some(v)), m) => Expr::Literal(ScalarValue::Float64(Some(canonical(v))), m),
        Expr::Literal(ScalarValue::Float32(Some(v)), m) => {
            Expr::Literal(ScalarValue::Float32(Some(canonical(v.into()) as f32)), m)
        }
        Expr::ScalarFunction(f) if f.name() == NAME => Expr::ScalarFunction(f),
        other => {
            let function = Arc::new(ScalarUDF::new_from_impl(FloatKey::new()));
            Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![other]))
        }
    }
}

/// Equal values have equal bits.
fn canonical(v: f64) -> f64 {
    if v.is_nan() { f64::NAN } else { v + 0.0 }
}

const NAME: &str = "float_key";

#[derive(Debug, PartialEq, Eq, Hash)]
struct FloatKey {
    signature: Signature,
}

impl FloatKey {
    fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for FloatKey {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let rows = if scalar { 1 } else { args.number_rows };
        let values = args.args[0].to_array(rows)?;
        let keys: ArrayRef = match values.data_type() {
            DataType::Float64 => Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(canonical)),
            DataType::Float32 => {
                Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(|v| canonical(v.into()) as f32))
            }
            _ => values,
        };
        Ok(if scalar {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&keys, 0)?)
        } else {
            ColumnarValue::Array(keys)
        })
    }

    fn is_strict(&self) -> bool {
        true
    }
}
