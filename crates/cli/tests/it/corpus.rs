//! The corpus: each case runs in several regimes, and after every step each view must hold what PostgreSQL answers to
//! the same query.

use crate::harness::{Server, connect, env, message, rows, run, without};
use sqlparser::ast::{SetExpr, Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tokio_postgres::Client;

/// How the steps of a case reach the server.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Regime {
    /// One transaction a step.
    Steps,
    /// Each statement by itself, each row of an INSERT by itself.
    Rows,
    /// Each statement's rows in parts of random sizes, the parts in transactions of random lengths.
    Splits,
    /// The server is killed and started again before every other step.
    Restarts,
    /// The views are created after the last step.
    Batch,
}

struct Case {
    name: String,
    setup: String,
    views: Vec<(String, String)>,
    steps: Vec<String>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut case = Self { name, setup: String::new(), views: vec![], steps: vec![] };
        let mut target: Option<&mut String> = None;
        for line in text.lines() {
            if line == "-- setup" {
                target = Some(&mut case.setup);
            } else if let Some(view) = line.strip_prefix("-- view ") {
                case.views.push((view.trim().to_string(), String::new()));
                target = case.views.last_mut().map(|v| &mut v.1);
            } else if line == "-- step" {
                case.steps.push(String::new());
                target = case.steps.last_mut();
            } else if let Some(target) = &mut target {
                target.push_str(line);
                target.push('\n');
            }
        }
        assert!(!case.views.is_empty() && !case.steps.is_empty(), "{} has views and steps", case.name);
        case
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "sql"));
    if let Ok(only) = std::env::var("SLUICE_TEST_CASE") {
        paths.retain(|p| p.to_string_lossy().contains(&only));
    }
    paths.sort();
    paths.iter().map(|p| Case::read(p)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_transaction_a_step() {
    all(Regime::Steps).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_by_row() {
    all(Regime::Rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_random_splits() {
    println!("SLUICE_TEST_SEED={}", seed());
    all(Regime::Splits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_kills_between() {
    all(Regime::Restarts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_one_batch() {
    all(Regime::Batch).await;
}

async fn all(regime: Regime) {
    if without("postgres") {
        return;
    }
    let mut failures = vec![];
    for case in cases() {
        if let Err(failure) = check(&case, regime).await {
            failures.push(format!("{}: {failure}", case.name));
        }
    }
    assert!(failures.is_empty(), "{} cases fail when run as {regime:?}:\n{}", failures.len(), failures.join("\n"));
}

async fn check(case: &Case, regime: Regime) -> Result<(), String> {
    let postgres = oracle(case, regime).await;
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(&dir.path().join("lake"));
    let mut client = server.connect().await;
    execute(&client, &case.setup).await?;
    if regime != Regime::Batch {
        create_views(&client, case).await?;
        compare(&client, &postgres, case, "after the setup").await?;
    }
    let mut random = Random::of(&case.name);
    for (n, step) in case.steps.iter().enumerate() {
        if regime == Regime::Restarts && n % 2 == 0 {
            let place = server.dir.clone();
            server.kill();
            server = Server::start(&place);
            client = server.connect().await;
        }
        run(&postgres, &format!("BEGIN; {step} COMMIT;")).await;
        match regime {
            Regime::Rows => {
                for statement in parts(step, || 1) {
                    execute(&client, &statement).await?;
                }
            }
            Regime::Splits => {
                let statements = parts(step, || 1 + random.below(4));
                let mut rest = statements.as_slice();
                while !rest.is_empty() {
                    let (now, later) = rest.split_at((1 + random.below(3)).min(rest.len()));
                    rest = later;
                    execute(&client, &format!("BEGIN; {}; COMMIT;", now.join("; "))).await?;
                }
            }
            _ => execute(&client, &format!("BEGIN; {step} COMMIT;")).await?,
        }
        if regime != Regime::Batch {
            compare(&client, &postgres, case, &format!("after step {}", n + 1)).await?;
        }
    }
    if regime == Regime::Batch {
        create_views(&client, case).await?;
        compare(&client, &postgres, case, "at the end").await?;
    }
    let differences = rows(&client, "SELECT sluice.verify()").await?;
    if let Some(wrong) = differences.iter().find(|d| d.split(" | ").nth(3) != Some("0")) {
        return Err(format!("verify: {wrong}"));
    }
    server.stop();
    Ok(())
}

/// PostgreSQL with the tables and plain views of a case, in a schema of its own.
async fn oracle(case: &Case, regime: Regime) -> Client {
    let client = connect(&env("SLUICE_TEST_POSTGRES")).await;
    let schema = format!("{}_{regime:?}", case.name).to_lowercase();
    run(
        &client,
        &format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}; SET search_path TO {schema};"),
    )
    .await;
    run(&client, "SET timezone TO 'UTC'; SET extra_float_digits TO 1;").await;
    run(&client, &case.setup).await;
    for (name, query) in &case.views {
        run(&client, &format!("CREATE VIEW {name} AS {query}")).await;
    }
    client
}

async fn create_views(client: &Client, case: &Case) -> Result<(), String> {
    for (name, query) in &case.views {
        execute(client, &format!("CREATE MATERIALIZED VIEW {name} AS {query}"))
            .await
            .map_err(|e| format!("view {name}: {e}"))?;
    }
    Ok(())
}

async fn compare(client: &Client, postgres: &Client, case: &Case, when: &str) -> Result<(), String> {
    for (name, _) in &case.views {
        let sql = format!("SELECT * FROM {name}");
        let expected = rows(postgres, &sql).await.unwrap();
        let got = rows(client, &sql).await.map_err(|e| format!("view {name} {when}: {e}"))?;
        if got != expected {
            let (missing, surplus) = difference(&expected, &got);
            let status = format!("SELECT status, error FROM sluice.status WHERE name = '{name}'");
            let status = rows(client, &status).await.unwrap_or_default();
            return Err(format!("view {name} {when}: missing {missing:?}, surplus {surplus:?} {status:?}"));
        }
    }
    Ok(())
}

/// What stands in one multiset and not in the other.
fn difference(a: &[String], b: &[String]) -> (Vec<String>, Vec<String>) {
    let minus = |from: &[String], other: &[String]| {
        let mut rest = other.to_vec();
        let mut left = from.to_vec();
        left.retain(|row| match rest.iter().position(|r| r == row) {
            Some(at) => {
                rest.swap_remove(at);
                false
            }
            None => true,
        });
        left.truncate(5);
        left
    };
    (minus(a, b), minus(b, a))
}

async fn execute(client: &Client, sql: &str) -> Result<(), String> {
    client.batch_execute(sql).await.map_err(|e| message(&e))
}

/// What random splits follow from, in words: set it to see a failure again.
fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    let fresh = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    *SEED.get_or_init(|| std::env::var("SLUICE_TEST_SEED").map_or_else(|_| fresh(), |seed| seed.parse().unwrap()))
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn of(case: &str) -> Self {
        Self(case.bytes().fold(seed(), |state, b| state.wrapping_mul(31).wrapping_add(b.into())))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}

/// The statements of a step, with the rows of an INSERT in parts of as many as `size` says.
fn parts(step: &str, mut size: impl FnMut() -> usize) -> Vec<String> {
    let mut out = vec![];
    for statement in Parser::parse_sql(&PostgreSqlDialect {}, step).unwrap() {
        let Statement::Insert(insert) = &statement else {
            out.push(statement.to_string());
            continue;
        };
        let Some(SetExpr::Values(values)) = insert.source.as_ref().map(|s| s.body.as_ref()) else {
            out.push(statement.to_string());
            continue;
        };
        let mut rest = values.rows.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(size().min(rest.len()));
            rest = later;
            let mut part = insert.clone();
            if let Some(SetExpr::Values(values)) = part.source.as_mut().map(|s| s.body.as_mut()) {
                values.rows = now.to_vec();
            }
            out.push(Statement::Insert(part).to_string());
        }
    }
    out
}
