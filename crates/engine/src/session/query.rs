use super::outcome::output;
use super::{Described, Outcome, OutputColumn, Session};
use crate::read::Names;
use crate::statement::Statement;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt;
use sluice_sql::{PlannedQuery, Result, SqlError, SqlType};
use sqlparser::ast::{self, Statement as Ast};

/// The plan with values for `$1`, `$2`, ....
pub(crate) fn with_params(plan: LogicalPlan, params: &[ScalarValue]) -> Result<LogicalPlan> {
    if params.is_empty() {
        return Ok(plan);
    }
    let values: Vec<ScalarValue> = params.to_vec();
    Ok(plan.with_param_values(ParamValues::from(values))?)
}

impl Session {
    /// SELECT, VALUES and calls of management functions.
    pub(crate) async fn query(&mut self, query: &ast::Query, params: &[ScalarValue]) -> Result<Outcome> {
        if let Some(call) = super::functions::management_call(query)? {
            return self.call(call).await;
        }
        let declared: Vec<Option<SqlType>> = params.iter().map(|p| Some(SqlType::of_arrow(&p.data_type()))).collect();
        let planned = self.plan(query, &declared)?;
        let plan = with_params(planned.plan, params)?;
        let view = self.view();
        let stream = self.engine.context().runner.stream(plan, &view).await?;
        let batches = stream.map(|b| b.map_err(SqlError::from));
        Ok(Outcome::Rows { columns: output(planned.columns), batches: Box::pin(batches), tag: "SELECT".into() })
    }

    pub(crate) fn plan(&self, query: &ast::Query, declared: &[Option<SqlType>]) -> Result<PlannedQuery> {
        let view = self.view();
        let path = self.settings.search_path();
        let mut names = Names::new(&view, self.engine.context(), &path);
        names.engine = Some(&self.engine);
        names.settings = Some(&self.settings);
        self.engine.context().planner.plan(query, &names, declared)
    }

    pub(crate) fn describe_statement(
        &mut self,
        statement: &Statement,
        declared: &[Option<SqlType>],
    ) -> Result<Described> {
        let ast = match statement {
            Statement::Sql(ast) => ast,
            Statement::Change(change) => return self.describe_change(change, declared),
            _ => return Ok(no_rows(declared)),
        };
        match ast.as_ref() {
            Ast::Query(query) => {
                if let Some(call) = super::functions::management_call(query)? {
                    return Ok(Described { params: vec![], columns: Some(output(call.columns())) });
                }
                let planned = self.plan(query, declared)?;
                let params = planned.params.into_iter().map(|p| p.unwrap_or(SqlType::Text)).collect();
                Ok(Described { params, columns: Some(output(planned.columns)) })
            }
            Ast::ShowVariable { variable } => {
                let name = variable.iter().map(sluice_sql::fold).collect::<Vec<_>>().join(".");
                Ok(Described { params: vec![], columns: Some(vec![OutputColumn { name, ty: SqlType::Text }]) })
            }
            Ast::Fetch { name, .. } => {
                Ok(Described { params: vec![], columns: Some(self.cursor_columns(&sluice_sql::fold(name))?) })
            }
            Ast::Declare { stmts } => match stmts.first().and_then(|d| d.for_query.as_ref()) {
                Some(query) => {
                    let planned = self.plan(query, declared)?;
                    let params = planned.params.into_iter().map(|p| p.unwrap_or(SqlType::Text)).collect();
                    Ok(Described { params, columns: None })
                }
                None => Ok(no_rows(declared)),
            },
            Ast::Explain { .. } => {
                let column = OutputColumn { name: "QUERY PLAN".into(), ty: SqlType::Text };
                Ok(Described { params: vec![], columns: Some(vec![column]) })
            }
            _ => Ok(no_rows(declared)),
        }
    }
}

fn no_rows(declared: &[Option<SqlType>]) -> Described {
    let params = declared.iter().map(|d| d.clone().unwrap_or(SqlType::Text)).collect();
    Described { params, columns: None }
}
