//! ALTER COLUMN TYPE. A type that has every value of the old one changes nothing that is stored. For any other, a new
//! column takes the place of the old one, and every row is written again.

use super::alter_column::contains_nulls;
use super::columns::column_type;
use crate::catalog::{TableDef, TableParts};
use crate::session::Session;
use crate::tick::{Alteration, lake_column, lake_columns, lake_type};
use crate::write::{Target, convert_column, put_column};
use sluice_lake::{ColumnInfo, Ddl, LakeType};
use sluice_sql::{Result, SqlError, SqlType, Tree, each_expr};
use sqlparser::ast::{DataType, Expr};
use std::sync::Arc;

impl Session {
    pub(super) async fn set_type(
        &mut self,
        def: &TableDef,
        position: usize,
        ty: &DataType,
        using: Option<&Expr>,
    ) -> Result<()> {
        let column = &def.columns[position];
        let (ty, serial) = column_type(ty)?;
        if serial {
            return Err(SqlError::new("42704", "a serial type is for new columns only"));
        }
        if ty == column.ty && using.is_none() {
            return Ok(());
        }
        if let Some(view) = self.users_of_column(def, column.id)?.first() {
            return Err(SqlError::new("2BP01", "cannot alter type of a column used by a view")
                .detail(format!("{} {} depends on column \"{}\".", view.kind_name(), view.name, column.name))
                .hint("Drop the view, change the type, and create the view again."));
        }
        self.refuse_referring_types(def, position)?;
        let (from, to) = (lake_type(&column.ty), lake_type(&ty));
        if using.is_none() && is_wider(&column.ty, &ty, &from, &to) {
            return self.widen(def, position, ty).await;
        }
        refuse_conversion(def, position, &ty, using)?;
        self.convert(def, position, ty, using).await
    }

    async fn widen(&mut self, def: &TableDef, position: usize, ty: SqlType) -> Result<()> {
        let column = &def.columns[position];
        let (from, to) = (lake_type(&column.ty), lake_type(&ty));
        let mut altered = def.clone();
        altered.columns[position].ty = ty;
        self.check_expressions(&altered).await?;
        let mut columns = lake_columns(&self.view().version, def.id)?;
        columns.iter_mut().filter(|c| c.id == column.id).for_each(|c| c.ty = to.clone());
        let lake =
            if from == to { vec![] } else { vec![Ddl::SetType { table_id: def.id, column_id: column.id, ty: to }] };
        self.submit_alteration(Alteration { def: altered, lake, columns: Some(columns), looked_at: vec![] }).await
    }

    async fn convert(&mut self, def: &TableDef, position: usize, ty: SqlType, using: Option<&Expr>) -> Result<()> {
        let context = Arc::clone(self.engine.context());
        let view = self.view();
        let old = Target::of(Arc::new(def.clone())).in_zone(view.zone);
        let values = convert_column(&context, &view, &old, position, &ty, using).await?;

        let old_id = def.columns[position].id;
        let mut altered = def.clone();
        (altered.columns[position].id, altered.columns[position].ty) = (self.next_column_id(def)?, ty);
        self.check_expressions(&altered).await?;
        let column = &altered.columns[position];
        let info = ColumnInfo { default: self.lake_default(&altered, column).await?, ..lake_column(column) };
        let mut columns = lake_columns(&view.version, def.id)?;
        columns.iter_mut().filter(|c| c.id == old_id).for_each(|c| *c = info.clone());
        self.submit_alteration(Alteration {
            def: altered.clone(),
            lake: vec![Ddl::ReplaceColumn { table_id: def.id, column_id: old_id, column: info }],
            columns: Some(columns),
            looked_at: vec![def.id],
        })
        .await?;
        if column.not_null && values.has_nulls() {
            return Err(contains_nulls(def, &column.name));
        }
        let target = Target::of(Arc::new(altered.clone()));
        let staged = put_column(&context, &self.view(), &target, position, values).await?;
        self.stage(def.id, staged)?;
        self.check_readers(&altered)?;
        let mut parts = altered.parts().cloned().unwrap_or_default();
        parts.keys.retain(|k| k.columns.contains(&position));
        parts.foreign.clear();
        self.validate(&altered, &TableParts::default(), &parts).await
    }

    /// Both sides of a reference have one type.
    fn refuse_referring_types(&self, def: &TableDef, position: usize) -> Result<()> {
        let refers = |t: &TableDef| {
            t.parts().is_some_and(|p| {
                p.foreign.iter().any(|f| {
                    (t.id == def.id && f.columns.contains(&position))
                        || (f.table == def.id && f.referenced.contains(&position))
                })
            })
        };
        if self.catalog().tables().any(|t| refers(t)) {
            return Err(SqlError::unsupported(
                "changing the type of a column in a foreign key",
                "Drop the constraint, change both columns, and add it again.",
            ));
        }
        Ok(())
    }
}

/// What PostgreSQL refuses before it looks at any row.
fn refuse_conversion(def: &TableDef, position: usize, ty: &SqlType, using: Option<&Expr>) -> Result<()> {
    let column = &def.columns[position];
    let (name, to) = (&column.name, ty.name());
    if column.sequence.is_some() && !matches!(ty, SqlType::Int2 | SqlType::Int4 | SqlType::Int8) {
        return Err(SqlError::new("22023", "identity column type must be smallint, integer, or bigint"));
    }
    let automatic = ty.is_assigned_from(&column.ty);
    if using.is_none() && !automatic {
        return Err(SqlError::new("42804", format!("column \"{name}\" cannot be cast automatically to type {to}"))
            .hint(format!("You might need to specify \"USING {name}::{to}\".")));
    }
    if column.default.is_some() && !automatic {
        let message = format!("default for column \"{name}\" cannot be cast automatically to type {to}");
        return Err(SqlError::new("42804", message).hint("Drop the default first, and set one of the new type after."));
    }
    let mut refused = None;
    if let Some(using) = using {
        each_expr(Tree::Expr(using), &mut |e| match e {
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                refused = Some(SqlError::new("0A000", "cannot use subquery in transform expression"));
            }
            Expr::Function(f) if f.over.is_some() => {
                refused = Some(SqlError::new("42P20", "window functions are not allowed in transform expressions"));
            }
            _ => {}
        });
    }
    refused.map_or(Ok(()), Err)
}

/// Whether every value of the old type is one of the new, stored alike.
fn is_wider(from: &SqlType, to: &SqlType, stored: &LakeType, wider: &LakeType) -> bool {
    match (from, to) {
        (SqlType::Varchar(_) | SqlType::Text, SqlType::Text | SqlType::Varchar(None)) => true,
        (SqlType::Varchar(Some(from)), SqlType::Varchar(Some(to))) => from <= to,
        (SqlType::Text | SqlType::Varchar(None), SqlType::Varchar(Some(_))) => false,
        _ => stored != wider && stored.widens_to(wider),
    }
}
