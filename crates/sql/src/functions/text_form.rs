//! Text that becomes uuid or json where a query casts it, or compares it with a value of such a type.

use super::{json, uuid};
use crate::SqlType;
use crate::error::external;
use arrow::array::{ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

/// Gives text its form as a type that is stored as text.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TextForm {
    ty: SqlType,
    name: String,
    signature: Signature,
}

impl TextForm {
    fn new(ty: SqlType) -> Self {
        let name = format!("text_to_{}", ty.name());
        Self { ty, name, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn form(&self, text: &str) -> crate::Result<String> {
        match self.ty {
            SqlType::Uuid => uuid::canonical(text),
            SqlType::Jsonb => json::normal(text),
            _ => json::checked(text),
        }
    }
}

impl ScalarUDFImpl for TextForm {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.ty.arrow())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(self.ty.field(&self.name)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let text = cast(&args.args[0].to_array(args.number_rows)?, &DataType::Utf8View)?;
        let formed = text.as_string_view().iter().map(|v| v.map(|v| self.form(v)).transpose());
        let formed: ArrayRef = Arc::new(formed.collect::<crate::Result<StringViewArray>>().map_err(external)?);
        Ok(if scalar {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&formed, 0)?)
        } else {
            ColumnarValue::Array(formed)
        })
    }

    fn is_strict(&self) -> bool {
        true
    }
}

/// Puts casts of text to uuid and json into words that check it, and literals beside such values into their form.
#[derive(Debug)]
pub(crate) struct TextForms;

impl AnalyzerRule for TextForms {
    fn name(&self) -> &str {
        "text_forms"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        super::rewrite::rewrite(plan, super::rewrite::InValues::Rewrite, formed)
    }
}

fn formed(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::Cast(cast) => {
            let to = SqlType::of_field(&cast.field);
            if has_form(&to) && type_of(&cast.expr, schema).is_some_and(|from| from != to && is_text(&from)) {
                return Ok(Transformed::yes(call(to, *cast.expr)));
            }
            Transformed::no(Expr::Cast(cast))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
            let (left, right) = match (with_form(&left, schema), with_form(&right, schema)) {
                (Some(ty), None) => (left, Box::new(literal(ty, *right)?)),
                (None, Some(ty)) => (Box::new(literal(ty, *left)?), right),
                _ => (left, right),
            };
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::InList(InList { expr, list, negated }) => match with_form(&expr, schema) {
            Some(ty) => {
                let list = list.into_iter().map(|e| literal(ty.clone(), e)).collect::<Result<_>>()?;
                Transformed::yes(Expr::InList(InList { expr, list, negated }))
            }
            None => Transformed::no(Expr::InList(InList { expr, list, negated })),
        },
        other => Transformed::no(other),
    })
}

fn compares(op: Operator) -> bool {
    use Operator as O;
    matches!(op, O::Eq | O::NotEq | O::Lt | O::LtEq | O::Gt | O::GtEq | O::IsDistinctFrom | O::IsNotDistinctFrom)
}

fn has_form(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Uuid | SqlType::Json | SqlType::Jsonb)
}

fn is_text(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Text | SqlType::Varchar(_) | SqlType::Json | SqlType::Jsonb)
}

fn type_of(expr: &Expr, schema: &DFSchema) -> Option<SqlType> {
    expr.to_field(schema).ok().map(|(_, field)| SqlType::of_field(&field))
}

/// The type of an expression whose values are compared in their one form.
fn with_form(expr: &Expr, schema: &DFSchema) -> Option<SqlType> {
    type_of(expr, schema).filter(|ty| matches!(ty, SqlType::Uuid | SqlType::Jsonb))
}

/// A literal beside a value of the type, in the form of the type; other expressions as they are.
fn literal(ty: SqlType, expr: Expr) -> Result<Expr> {
    let Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), metadata) = expr else {
        return Ok(expr);
    };
    let form = TextForm::new(ty).form(&text).map_err(external)?;
    Ok(Expr::Literal(ScalarValue::Utf8View(Some(form)), metadata))
}

fn call(ty: SqlType, value: Expr) -> Expr {
    let function = Arc::new(ScalarUDF::new_from_impl(TextForm::new(ty)));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![value]))
}
