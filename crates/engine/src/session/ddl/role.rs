//! CREATE ROLE, ALTER ROLE and DROP ROLE.

use crate::roles::{Role, RoleStatement};
use crate::session::{Outcome, Session};
use crate::tick::DdlOp;
use sluice_sql::{Result, SqlError};

impl Session {
    pub(super) async fn change_roles(&mut self, statement: &RoleStatement) -> Result<Outcome> {
        match statement {
            RoleStatement::Create { name, verifier } => {
                let catalog = self.catalog();
                if catalog.roles().contains_key(name) {
                    return Err(SqlError::new("42710", format!("role \"{name}\" already exists"))
                        .hint("Change its password with ALTER ROLE name PASSWORD '...'."));
                }
                let id = catalog.roles().values().map(|r| r.id + 1).max().unwrap_or(1);
                self.put_role(name, Role { id, verifier: verifier.clone() }).await?;
                Ok(Outcome::done("CREATE ROLE"))
            }
            RoleStatement::Alter { name, verifier } => {
                let id = self.catalog().roles().get(name).ok_or_else(|| missing(name))?.id;
                self.put_role(name, Role { id, verifier: verifier.clone() }).await?;
                Ok(Outcome::done("ALTER ROLE"))
            }
            RoleStatement::Drop { names, if_exists } => self.drop_roles(names, *if_exists).await,
        }
    }

    async fn put_role(&mut self, name: &str, role: Role) -> Result<()> {
        self.submit_ddl(vec![DdlOp::PutRole { name: name.to_string(), role }]).await
    }

    async fn drop_roles(&mut self, names: &[String], if_exists: bool) -> Result<Outcome> {
        let catalog = self.catalog();
        let mut ops = vec![];
        for name in names {
            if catalog.roles().contains_key(name) {
                ops.push(DdlOp::DropRole { name: name.clone() });
            } else if if_exists {
                self.notice(format!("role \"{name}\" does not exist, skipping"), None);
            } else {
                return Err(missing(name));
            }
        }
        if !ops.is_empty() {
            self.submit_ddl(ops).await?;
        }
        Ok(Outcome::done("DROP ROLE"))
    }
}

fn missing(name: &str) -> SqlError {
    SqlError::new("42704", format!("role \"{name}\" does not exist"))
}
