//! The planner's surroundings: functions, types and options, and the tables that the caller knows.

use super::{
    catalog, copies, distinct_on, flatten, literals, memberships, names, outer_names, params, precedence, refuse,
    set_functions, shared_columns, spell, ties, values,
};
use crate::functions::aggregate::SumOrAvg;
use crate::functions::interval_order::IntervalOrder;
use crate::functions::rewrite::{CheckedOperators, IntegerLiterals, OrderedAggregates};
use crate::functions::session_zone::SessionZone;
use crate::functions::strict_types::StrictTypes;
use crate::functions::text_form::TextForms;
use crate::types::TypePlanner;
use crate::walk::TreeMut;
use crate::{Result, SqlType, Zone};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DFSchema, TableReference};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner};
use datafusion::logical_expr::{AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF};
use datafusion::optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use datafusion::sql::planner::{NullOrdering, ParserOptions, PlannerContext, SqlToRel};
use sqlparser::ast;
use std::collections::HashMap;
use std::sync::Arc;

/// The tables and table functions that a query may name.
pub trait Tables {
    /// The table or view `name`, of `schema` if one is named.
    fn table(&self, schema: Option<&str>, name: &str) -> Result<Arc<dyn TableSource>>;

    /// The rows of a function in FROM; `name` is lower case, with its schema if one is named.
    fn table_function(&self, name: &str, args: Vec<Expr>) -> Result<Arc<dyn TableSource>>;

    /// A function over what the caller knows, before those that every query has.
    fn scalar_function(&self, _name: &str) -> Option<Arc<ScalarUDF>> {
        None
    }

    /// The time zone that times are read and shown in.
    fn zone(&self) -> Zone {
        Zone::Utc
    }
}

/// Plans queries: made once, shared by all sessions.
pub struct Planner {
    options: Arc<ConfigOptions>,
    analyzer: Analyzer,
    scalars: HashMap<String, Arc<ScalarUDF>>,
    aggregates: HashMap<String, Arc<AggregateUDF>>,
    windows: HashMap<String, Arc<WindowUDF>>,
    expr_planners: Vec<Arc<dyn ExprPlanner>>,
}

/// A query ready to be optimized: its plan, and its output columns as the user sees them.
#[derive(Debug, Clone)]
pub struct PlannedQuery {
    /// The analyzed logical plan.
    pub plan: LogicalPlan,
    /// Names and types of the output columns; names may repeat.
    pub columns: Vec<(String, SqlType)>,
    /// Types of the parameters `$1`, `$2`, ... as far as they follow from the query.
    pub params: Vec<Option<SqlType>>,
}

impl Default for Planner {
    fn default() -> Self {
        Self::new()
    }
}

impl Planner {
    /// A planner with PostgreSQL's functions.
    pub fn new() -> Self {
        let mut scalars = HashMap::new();
        let options = options();
        for f in SessionStateDefaults::default_scalar_functions() {
            // `now()` is a timestamptz because the options name a zone.
            let f = f.inner().with_updated_config(&options).map_or(f, Arc::new);
            for alias in f.aliases() {
                scalars.insert(alias.clone(), Arc::clone(&f));
            }
            scalars.insert(f.name().to_string(), f);
        }
        let mut aggregates: HashMap<String, Arc<AggregateUDF>> = HashMap::new();
        for f in SessionStateDefaults::default_aggregate_functions() {
            for alias in f.aliases() {
                aggregates.insert(alias.clone(), Arc::clone(&f));
            }
            aggregates.insert(f.name().to_string(), f);
        }
        if let Some(f) = aggregates.get("var_samp").cloned() {
            aggregates.insert("variance".into(), f);
        }
        if let Some(f) = aggregates.get("bool_and").cloned() {
            aggregates.insert("every".into(), f);
        }
        for f in own_aggregates() {
            aggregates.insert(f.name().to_string(), f);
        }
        for name in ANOTHER_MEANING {
            scalars.remove(*name);
        }
        for f in own_scalars() {
            for alias in f.aliases() {
                scalars.insert(alias.clone(), Arc::clone(&f));
            }
            scalars.insert(f.name().to_string(), f);
        }
        let windows = SessionStateDefaults::default_window_functions();
        Self {
            options: Arc::new(options),
            analyzer: Analyzer::with_rules(analyzer_rules(Zone::Utc)),
            scalars,
            aggregates,
            windows: windows.into_iter().map(|f| (f.name().to_string(), f)).collect(),
            expr_planners: expr_planners(),
        }
    }

    /// The options that planning and execution share.
    pub fn options(&self) -> &Arc<ConfigOptions> {
        &self.options
    }

    /// Plans a query. `params` are the types that the client declared for its parameters.
    pub fn plan(&self, query: &ast::Query, tables: &dyn Tables, params: &[Option<SqlType>]) -> Result<PlannedQuery> {
        let planned = self.plan_as_written(query, tables, params);
        if let Err(error) = &planned
            && names::is_repeated(error)
        {
            let mut apart = query.clone();
            if names::set_apart(&mut apart) {
                return self.plan_as_written(&apart, tables, params);
            }
        }
        if let Err(error) = &planned
            && outer_names::is_missing_column(error)
        {
            let mut named = query.clone();
            if set_functions::name_values(&mut named, error) {
                return self.plan(&named, tables, params);
            }
        }
        if let Err(error) = &planned
            && outer_names::is_hidden(error)
        {
            let mut renamed = query.clone();
            if outer_names::rename(&mut renamed)? {
                let again = self.plan_as_written(&renamed, tables, params);
                // A name that is wrong is told as it was written.
                return if again.as_ref().is_err_and(outer_names::is_missing_column) { planned } else { again };
            }
        }
        planned
    }

    fn plan_as_written(
        &self,
        query: &ast::Query,
        tables: &dyn Tables,
        params: &[Option<SqlType>],
    ) -> Result<PlannedQuery> {
        let params = &params::types(query, params);
        let mut query = query.clone();
        precedence::regroup(&mut query);
        set_functions::spell_out(&mut query)?;
        values::select_rows(&mut query)?;
        shared_columns::spell_out(&mut query, &|part| {
            Ok(self.plan(part, tables, params)?.columns.into_iter().map(|(name, _)| name).collect())
        })?;
        names::name_columns(&mut query);
        catalog::rewrite(&mut query);
        refuse::check(&query)?;
        distinct_on::number_rows(&mut query)?;
        copies::number_copies(&mut query)?;
        literals::spell_out(TreeMut::Query(&mut query));
        memberships::spell_out(&mut query)?;
        spell::spell_out(TreeMut::Query(&mut query))?;
        let context = Context { planner: self, tables };
        let mut planning = PlannerContext::new()
            .with_prepare_param_data_types(params.iter().map(|p| p.as_ref().map(|t| Arc::new(t.field("")))).collect());
        let statement = ast::Statement::Query(Box::new(query));
        let plan = SqlToRel::new_with_options(&context, parser_options())
            .sql_statement_to_plan_with_context(statement, &mut planning)?;
        let plan = ties::break_ties(plan)?;
        let plan = self.analyzed(plan, tables.zone())?;
        let columns =
            plan.schema().fields().iter().map(|f| (names::shown(f.name()).to_string(), SqlType::of_field(f))).collect();
        let params = param_types(&plan, params)?;
        Ok(PlannedQuery { plan, columns, params })
    }

    /// Plans a boolean or value expression over one table's columns, for CHECK and DEFAULT.
    pub fn plan_expr(&self, expr: &ast::Expr, schema: &DFSchema, tables: &dyn Tables) -> Result<Expr> {
        let context = Context { planner: self, tables };
        let mut expr = expr.clone();
        literals::spell_out(TreeMut::Expr(&mut expr));
        spell::spell_out(TreeMut::Expr(&mut expr))?;
        let planned = SqlToRel::new_with_options(&context, parser_options()).sql_to_expr(
            expr,
            schema,
            &mut PlannerContext::new(),
        )?;
        Ok(planned)
    }

    /// Every scalar function, for the state that executes plans.
    pub fn scalar_functions(&self) -> Vec<Arc<ScalarUDF>> {
        self.scalars.values().cloned().collect()
    }

    /// Every aggregate function, for the state that executes plans.
    pub fn aggregate_functions(&self) -> Vec<Arc<AggregateUDF>> {
        self.aggregates.values().cloned().collect()
    }

    /// Subqueries that the planner cannot make joins of are joins already.
    fn analyzed(&self, plan: LogicalPlan, zone: Zone) -> Result<LogicalPlan> {
        if !flatten::has_correlated(&plan)? {
            return self.analyze(plan, zone);
        }
        match self.analyze(plan.clone(), zone) {
            Ok(analyzed) if flatten::is_plain(analyzed.clone(), &self.options) => Ok(analyzed),
            _ => self.analyze(flatten::flatten(plan)?, zone),
        }
    }

    /// The rules that give a plan PostgreSQL's types and checks, in order.
    pub fn analyze(&self, plan: LogicalPlan, zone: Zone) -> Result<LogicalPlan> {
        let in_zone = (zone != Zone::Utc).then(|| Analyzer::with_rules(analyzer_rules(zone)));
        let analyzer = in_zone.as_ref().unwrap_or(&self.analyzer);
        Ok(analyzer.execute_and_check(plan, &self.options, |_, _| {})?)
    }
}

/// Functions of the planner whose meaning or arguments PostgreSQL's of the same name do not share: unknown here rather
/// than wrong.
const ANOTHER_MEANING: &[&str] = &[
    "to_char",
    "date_format",
    "to_date",
    "to_timestamp",
    "to_timestamp_seconds",
    "to_timestamp_millis",
    "to_timestamp_micros",
    "to_timestamp_nanos",
    "to_time",
    "to_local_time",
    "to_unixtime",
];

fn own_scalars() -> Vec<Arc<ScalarUDF>> {
    let formats = crate::functions::format::Format::all().map(|f| Arc::new(ScalarUDF::new_from_impl(f)));
    let others = vec![
        Arc::new(ScalarUDF::new_from_impl(crate::functions::sign::Sign::new())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::any_of::AnyOf::new())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::random_uuid::RandomUuid::new())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::coalesce::Coalesce::new())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::whole::Whole::ceil())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::whole::Whole::floor())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::round::Round::new())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::date_parts::DateTrunc::new())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::date_parts::DatePart::inexact())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::pad::Pad::left())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::pad::Pad::right())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::zoned::AtTimeZone::new())),
        Arc::new(ScalarUDF::new_from_impl(crate::functions::pg_typeof::PgTypeof::new())),
    ];
    let json = crate::functions::json::JsonFunction::named().map(|f| Arc::new(ScalarUDF::new_from_impl(f)));
    let builds = crate::functions::json::Build::all().map(|f| Arc::new(ScalarUDF::new_from_impl(f)));
    let math = crate::functions::checked_math::CheckedMath::all().map(|f| Arc::new(ScalarUDF::new_from_impl(f)));
    let parts = crate::functions::json::Part::both().map(|f| Arc::new(ScalarUDF::new_from_impl(f)));
    let numbers = crate::functions::series::Numbers::both().map(|f| Arc::new(ScalarUDF::new_from_impl(f)));
    let rowwise = crate::functions::rowwise::Rowwise::all().map(|f| Arc::new(ScalarUDF::new_from_impl(f)));
    formats
        .into_iter()
        .chain(others)
        .chain(math)
        .chain(json)
        .chain(builds)
        .chain(rowwise)
        .chain(parts)
        .chain(numbers)
        .collect()
}

/// Ours first: the first planner that knows an expression decides.
fn expr_planners() -> Vec<Arc<dyn ExprPlanner>> {
    let own: Arc<dyn ExprPlanner> = Arc::new(crate::functions::interval::IntervalPlanner);
    let json: Arc<dyn ExprPlanner> = Arc::new(crate::functions::json::JsonOperators);
    let fields: Arc<dyn ExprPlanner> = Arc::new(outer_names::NoFields);
    [own, json, fields].into_iter().chain(SessionStateDefaults::default_expr_planners()).collect()
}

fn own_aggregates() -> Vec<Arc<AggregateUDF>> {
    let string_agg = Arc::new(AggregateUDF::new_from_impl(crate::functions::self_sorting::SelfSorting::string_agg()));
    let sums = [SumOrAvg::sum(), SumOrAvg::avg()].map(|f| Arc::new(AggregateUDF::new_from_impl(f)));
    let array_agg = Arc::new(AggregateUDF::new_from_impl(crate::functions::self_sorting::SelfSorting::array_agg()));
    let sets = crate::functions::ordered_set::OrderedSet::all().map(|f| Arc::new(AggregateUDF::new_from_impl(f)));
    sums.into_iter().chain(sets).chain([string_agg, array_agg]).collect()
}

fn options() -> ConfigOptions {
    let mut options = ConfigOptions::new();
    options.execution.time_zone = Some(crate::types::UTC.to_string());
    options.execution.target_partitions = 1;
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.default_null_ordering = "nulls_max".to_string();
    options.optimizer.filter_null_join_keys = false;
    options
}

fn parser_options() -> ParserOptions {
    ParserOptions::new().with_parse_float_as_decimal(true).with_default_null_ordering(NullOrdering::NullsMax)
}

fn analyzer_rules(zone: Zone) -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![
        Arc::new(ResolveGroupingFunction::new()),
        Arc::new(StrictTypes),
        Arc::new(OrderedAggregates),
        Arc::new(TextForms),
        Arc::new(IntegerLiterals),
        Arc::new(IntervalOrder),
        Arc::new(TypeCoercion::new()),
    ];
    if zone != Zone::Utc {
        rules.push(Arc::new(SessionZone(zone)));
    }
    rules.push(Arc::new(CheckedOperators));
    rules
}

fn param_types(plan: &LogicalPlan, declared: &[Option<SqlType>]) -> Result<Vec<Option<SqlType>>> {
    let inferred = plan.get_parameter_types()?;
    let numbers = inferred.keys().filter_map(|k| k.strip_prefix('$')?.parse::<usize>().ok());
    let count = numbers.max().unwrap_or(0).max(declared.len());
    Ok((0..count)
        .map(|i| {
            let known = declared.get(i).cloned().flatten();
            let inferred = || inferred.get(&format!("${}", i + 1)).cloned().flatten().map(|t| SqlType::of_arrow(&t));
            known.or_else(inferred)
        })
        .collect())
}

struct Context<'a> {
    planner: &'a Planner,
    tables: &'a dyn Tables,
}

type DfResult<T> = datafusion::error::Result<T>;

impl ContextProvider for Context<'_> {
    fn get_table_source(&self, name: TableReference) -> DfResult<Arc<dyn TableSource>> {
        self.tables.table(name.schema(), name.table()).map_err(crate::error::external)
    }

    fn get_table_function_source(&self, name: &str, args: Vec<Expr>) -> DfResult<Arc<dyn TableSource>> {
        self.tables.table_function(name.trim_matches('"'), args).map_err(crate::error::external)
    }

    fn create_cte_work_table(&self, name: &str, schema: arrow::datatypes::SchemaRef) -> DfResult<Arc<dyn TableSource>> {
        let table = datafusion::datasource::cte_worktable::CteWorkTable::new(name, schema);
        Ok(datafusion::datasource::provider_as_source(Arc::new(table)))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planner.expr_planners
    }

    fn get_type_planner(&self) -> Option<Arc<dyn datafusion::logical_expr::planner::TypePlanner>> {
        Some(Arc::new(TypePlanner))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.tables.scalar_function(name).or_else(|| self.planner.scalars.get(name).cloned())
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.planner.aggregates.get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.planner.windows.get(name).cloned()
    }

    fn get_variable_type(&self, _: &[String]) -> Option<arrow::datatypes::DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.planner.options
    }

    fn udf_names(&self) -> Vec<String> {
        self.planner.scalars.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        vec![]
    }

    fn udaf_names(&self) -> Vec<String> {
        self.planner.aggregates.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.planner.windows.keys().cloned().collect()
    }
}
