//! Columns that come, go, and change.

use super::columns::rename_in;
use crate::catalog::{ColumnDef, Kind, TableDef, TableParts};
use crate::session::Session;
use crate::tick::{Alteration, DdlOp, lake_column, lake_columns, lake_type};
use crate::write::{Target, evaluate, fill_column, is_volatile};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Schema;
use sluice_lake::{ColumnInfo, Ddl, Default as LakeDefault, default_text};
use sluice_sql::{Result, SqlError};
use sqlparser::ast::{self, Expr, UnaryOperator};
use std::sync::Arc;

/// What the rows that are there get in a new column.
enum Initial {
    /// This value, as the catalog writes it, or NULL.
    Same(Option<String>),
    /// A value of their own each, or one that the catalog cannot hold.
    Each,
}

impl Session {
    pub(super) async fn add_column(&mut self, def: &TableDef, new: &ast::ColumnDef, if_not_exists: bool) -> Result<()> {
        let name = sluice_sql::fold(&new.name);
        if def.position(&name).is_some() {
            let message = format!("column \"{name}\" of relation \"{}\" already exists", def.name);
            if if_not_exists {
                self.notice(format!("{message}, skipping"), None);
                return Ok(());
            }
            return Err(SqlError::new("42701", message));
        }
        let old_parts = def.parts().cloned().unwrap_or_default();
        let mut altered = def.clone();
        let mut parts = old_parts.clone();
        let (id, position) = (self.next_column_id(def)?, def.columns.len());
        let column = self.column_def(def, (id, position), new, &mut parts, &self.catalog())?;
        altered.columns.push(column);
        self.finish_parts(&mut altered, parts)?;
        self.check_expressions(&altered).await?;

        let column = &altered.columns[position];
        let initial = self.initial_value(&altered, column).await?;
        let mut info = ColumnInfo { default: self.lake_default(&altered, column).await?, ..lake_column(column) };
        if let Initial::Same(value) = &initial {
            info.initial_default.clone_from(value);
        }
        if column.not_null && matches!(initial, Initial::Same(None)) && self.has_rows(def).await? {
            return Err(contains_nulls(def, &column.name));
        }
        let mut columns = lake_columns(&self.view().version, def.id)?;
        columns.push(info.clone());
        let each = matches!(initial, Initial::Each);
        let added = altered.parts().cloned().unwrap_or_default();
        let constrained = added != old_parts;
        self.submit_alteration(Alteration {
            def: altered.clone(),
            lake: vec![Ddl::AddColumn { table_id: def.id, column: info }],
            columns: Some(columns),
            looked_at: if each || constrained || altered.columns[position].not_null { vec![def.id] } else { vec![] },
        })
        .await?;
        if each {
            let target = Target::of(Arc::new(altered.clone()));
            let staged = fill_column(self.engine.context(), &self.view(), &target, position).await?;
            self.stage(def.id, staged)?;
        }
        self.validate(&altered, &old_parts, &added).await
    }

    pub(super) async fn drop_column(
        &mut self,
        def: &TableDef,
        name: &str,
        if_exists: bool,
        cascade: bool,
    ) -> Result<()> {
        let Some(position) = def.position(name) else {
            if if_exists {
                let message = format!("column \"{name}\" of relation \"{}\" does not exist, skipping", def.name);
                self.notice(message, None);
                return Ok(());
            }
            return self.column_position(def, name).map(|_| ());
        };
        if def.columns.len() == 1 {
            return Err(SqlError::unsupported("dropping the only column", "Drop the table."));
        }
        let kept: Vec<usize> = (0..def.columns.len()).filter(|p| *p != position).collect();
        self.clear_dependents(def, position, cascade).await?;

        let mut altered = def.clone();
        altered.keep_columns(&kept);
        if let Kind::Table(parts) = &mut altered.kind {
            let uses = |condition: &str| super::columns::names_column(condition, &def.name, name);
            let mut checks = vec![];
            for check in &parts.checks {
                if !uses(&check.condition)? {
                    checks.push(check.clone());
                }
            }
            parts.checks = checks;
        }
        let column_id = def.columns[position].id;
        let mut columns = lake_columns(&self.view().version, def.id)?;
        columns.retain(|c| c.id != column_id);
        let lake = vec![Ddl::DropColumn { table_id: def.id, column_id }];
        let mut ops = vec![];
        for child in self.catalog().tables().filter(|t| t.id != def.id) {
            let mut child = child.as_ref().clone();
            if child.parts().is_some_and(|p| p.foreign.iter().any(|f| f.table == def.id)) {
                child.follow_parent(def.id, &kept);
                ops.push(DdlOp::redefine(child));
            }
        }
        // What refers to the table follows it first, so that its indexes are looked for where they will be.
        let alteration = Alteration { def: altered.clone(), lake, columns: Some(columns), looked_at: vec![] };
        ops.push(DdlOp::Alter(Box::new(alteration)));
        self.submit_ddl(ops).await?;
        self.check_readers(&altered)
    }

    /// What stands in the way of dropping a column: views that use it, and references to a key that has it.
    async fn clear_dependents(&mut self, def: &TableDef, position: usize, cascade: bool) -> Result<()> {
        let column = &def.columns[position];
        let views = self.users_of_column(def, column.id)?;
        let mut references = vec![];
        for child in self.catalog().tables().filter(|t| t.id != def.id) {
            let foreign = child.parts().map(|p| p.foreign.clone()).unwrap_or_default();
            let refers = |f: &&crate::catalog::ForeignDef| f.table == def.id && f.referenced.contains(&position);
            references.extend(foreign.iter().filter(refers).map(|f| (Arc::clone(child), f.name.clone())));
        }
        if views.is_empty() && references.is_empty() {
            return Ok(());
        }
        let of = format!("column {} of table {}", column.name, def.name);
        if !cascade {
            let views = views.iter().map(|v| format!("{} {} depends on {of}", v.kind_name(), v.name));
            let references =
                references.iter().map(|(t, name)| format!("constraint {name} on table {} depends on {of}", t.name));
            let detail: Vec<String> = views.chain(references).collect();
            return Err(SqlError::new("2BP01", format!("cannot drop {of} because other objects depend on it"))
                .detail(detail.join("\n"))
                .hint("Use DROP ... CASCADE to drop the dependent objects too."));
        }
        self.drop_references(references).await?;
        for view in &views {
            self.notice(format!("drop cascades to {} {}", view.kind_name(), view.name), None);
        }
        let catalog = self.catalog();
        self.drop_objects(&catalog, views.iter().map(|v| v.id).collect(), true).await
    }

    pub(super) async fn rename_column(&mut self, def: &TableDef, old: &str, new: &str) -> Result<()> {
        let missing = || SqlError::new("42703", format!("column \"{old}\" does not exist"));
        let position = def.position(old).ok_or_else(missing)?;
        if def.position(new).is_some() {
            return Err(SqlError::new(
                "42701",
                format!("column \"{new}\" of relation \"{}\" already exists", def.name),
            ));
        }
        let mut altered = def.clone();
        altered.columns[position].name = new.to_string();
        if let Kind::Table(parts) = &mut altered.kind {
            for check in &mut parts.checks {
                check.condition = rename_in(&check.condition, &def.name, old, new)?;
            }
        }
        let column_id = def.columns[position].id;
        let mut columns = lake_columns(&self.view().version, def.id)?;
        columns.iter_mut().filter(|c| c.id == column_id).for_each(|c| c.name = new.to_string());
        let lake = vec![Ddl::RenameColumn { table_id: def.id, column_id, name: new.to_string() }];
        self.submit_alteration(Alteration { def: altered, lake, columns: Some(columns), looked_at: vec![] }).await
    }

    pub(super) async fn set_not_null(&mut self, def: &TableDef, position: usize) -> Result<()> {
        let column = &def.columns[position];
        if column.not_null {
            return Ok(());
        }
        self.refuse_nulls(def, position).await?;
        self.change_nulls(def, &[position], true).await
    }

    pub(super) async fn drop_not_null(&mut self, def: &TableDef, position: usize) -> Result<()> {
        let column = &def.columns[position];
        if def.row_key().is_some_and(|key| key.contains(&position)) {
            return Err(SqlError::new("42P16", format!("column \"{}\" is in a primary key", column.name)));
        }
        if column.sequence.is_some() {
            return Err(SqlError::unsupported("NULL in a serial or identity column", "Leave it NOT NULL."));
        }
        self.change_nulls(def, &[position], false).await
    }

    /// Whether NULL is refused in some columns.
    pub(super) async fn change_nulls(&mut self, def: &TableDef, positions: &[usize], not_null: bool) -> Result<()> {
        let mut altered = def.clone();
        let mut columns = lake_columns(&self.view().version, def.id)?;
        let mut lake = vec![];
        for &position in positions.iter().filter(|&&p| def.columns[p].not_null != not_null) {
            altered.columns[position].not_null = not_null;
            let column_id = def.columns[position].id;
            columns.iter_mut().filter(|c| c.id == column_id).for_each(|c| c.nulls_allowed = !not_null);
            lake.push(Ddl::SetNullsAllowed { table_id: def.id, column_id, allowed: !not_null });
        }
        let looked_at = if not_null { vec![def.id] } else { vec![] };
        self.submit_alteration(Alteration { def: altered, lake, columns: Some(columns), looked_at }).await
    }

    pub(super) async fn set_default(&mut self, def: &TableDef, position: usize, default: Option<String>) -> Result<()> {
        let mut altered = def.clone();
        let column = &mut altered.columns[position];
        column.default = default;
        column.sequence = None;
        self.check_expressions(&altered).await?;
        let default = self.lake_default(&altered, &altered.columns[position]).await?;
        let column_id = def.columns[position].id;
        let mut columns = lake_columns(&self.view().version, def.id)?;
        columns.iter_mut().filter(|c| c.id == column_id).for_each(|c| c.default = default.clone());
        let lake = vec![Ddl::SetDefault { table_id: def.id, column_id, default }];
        self.submit_alteration(Alteration { def: altered, lake, columns: Some(columns), looked_at: vec![] }).await
    }

    /// The number of a new column: above every one that the table has or had.
    pub(super) fn next_column_id(&self, def: &TableDef) -> Result<i64> {
        let view = self.view();
        let stored = view.version.tables.get(&def.id).map_or(1, |t| t.info.next_column_id);
        let own = def.columns.iter().map(|c| c.id + 1);
        let ops = self.block.as_ref().map(|b| b.ddl.as_slice()).unwrap_or_default();
        let added = ops.iter().filter_map(|op| match op {
            DdlOp::Alter(a) if a.def.id == def.id => a.columns.as_ref()?.iter().map(|c| c.id + 1).max(),
            _ => None,
        });
        Ok(own.chain(added).fold(stored, i64::max))
    }

    /// What a column's default is for the rows that are there: evaluated once, as PostgreSQL does, unless it is
    /// volatile.
    async fn initial_value(&self, def: &TableDef, column: &ColumnDef) -> Result<Initial> {
        if column.sequence.is_some() {
            return Ok(Initial::Each);
        }
        let Some(default) = &column.default else { return Ok(Initial::Same(None)) };
        let target = Target::of(Arc::new(def.clone()));
        if is_volatile(self.engine.context(), &self.view(), &target, default)? {
            return Ok(Initial::Each);
        }
        let value = self.default_value(def, column, default).await?;
        if value.is_null(0) {
            return Ok(Initial::Same(None));
        }
        Ok(default_text(&lake_type(&column.ty), &value).map_or(Initial::Each, |text| Initial::Same(Some(text))))
    }

    /// The default that other programs may use: one that is a plain value.
    pub(super) async fn lake_default(&self, def: &TableDef, column: &ColumnDef) -> Result<LakeDefault> {
        let Some(default) = &column.default else { return Ok(LakeDefault::None) };
        if !is_literal(&crate::statement::parse_expr(default)?) {
            return Ok(LakeDefault::None);
        }
        let value = self.default_value(def, column, default).await?;
        Ok(default_text(&lake_type(&column.ty), &value).map_or(LakeDefault::None, LakeDefault::Literal))
    }

    async fn default_value(&self, def: &TableDef, column: &ColumnDef, default: &str) -> Result<ArrayRef> {
        let target = Target::of(Arc::new(def.clone()));
        let one = sluice_zset::with_row_count(Arc::new(Schema::empty()), vec![], 1)?;
        let value = evaluate(self.engine.context(), &self.view(), &target, &one, default).await?;
        let only = TableDef { columns: vec![column.clone()], kind: Kind::Table(TableParts::default()), ..def.clone() };
        let only = Target::of(Arc::new(only));
        let value: RecordBatch = only.assign(vec![value], 1)?;
        Ok(Arc::clone(value.column(0)))
    }
}

pub(super) fn contains_nulls(def: &TableDef, column: &str) -> SqlError {
    SqlError::new("23502", format!("column \"{column}\" of relation \"{}\" contains null values", def.name))
        .hint("Give those rows a value first, or the new column a DEFAULT.")
}

/// A value as it is written, with its sign and its type.
fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) | Expr::TypedString(_) => true,
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_literal(expr),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => is_literal(expr),
        _ => false,
    }
}
