//! CREATE SCHEMA and DROP SCHEMA.

use crate::catalog::ObjectRef;
use crate::session::{Outcome, Session};
use crate::tick::DdlOp;
use sluice_sql::{Result, SqlError};
use sqlparser::ast::{ObjectName, SchemaName};

impl Session {
    pub(super) async fn create_schema(&mut self, name: &SchemaName, if_not_exists: bool) -> Result<Outcome> {
        let name = match name {
            SchemaName::Simple(name) => ObjectRef::parse(name)?.name,
            other => return Err(SqlError::unsupported(format!("CREATE SCHEMA {other}"), "Write CREATE SCHEMA name.")),
        };
        let taken = name == "public" || self.catalog().schemas().contains_key(&name);
        if taken {
            if if_not_exists {
                self.notice(format!("schema \"{name}\" already exists, skipping"), None);
                return Ok(Outcome::done("CREATE SCHEMA"));
            }
            return Err(SqlError::new("42P06", format!("schema \"{name}\" already exists")));
        }
        if ["sluice", "pgtrickle", "pg_catalog", "information_schema"].contains(&name.as_str()) {
            return Err(
                SqlError::new("42939", format!("unacceptable schema name \"{name}\"")).detail("The name is reserved.")
            );
        }
        let id = self.engine.context().object_id();
        self.submit_ddl(vec![DdlOp::CreateSchema { id, name }]).await?;
        Ok(Outcome::done("CREATE SCHEMA"))
    }

    pub(super) async fn drop_schemas(
        &mut self,
        if_exists: bool,
        names: &[ObjectName],
        cascade: bool,
    ) -> Result<Outcome> {
        let catalog = self.catalog();
        for name in names {
            let name = ObjectRef::parse(name)?.name;
            if !catalog.schemas().contains_key(&name) {
                if if_exists {
                    self.notice(format!("schema \"{name}\" does not exist, skipping"), None);
                    continue;
                }
                return Err(SqlError::new("3F000", format!("schema \"{name}\" does not exist")));
            }
            let inside: Vec<i64> = catalog.tables().filter(|t| t.schema == name).map(|t| t.id).collect();
            if !inside.is_empty() && !cascade {
                return Err(SqlError::new(
                    "2BP01",
                    format!("cannot drop schema {name} because other objects depend on it"),
                )
                .hint("Use DROP ... CASCADE to drop the dependent objects too."));
            }
            self.in_block(async |session| {
                session.drop_objects(&catalog, inside, true).await?;
                session.submit_ddl(vec![DdlOp::DropSchema { name: name.clone() }]).await
            })
            .await?;
        }
        Ok(Outcome::done("DROP SCHEMA"))
    }
}
