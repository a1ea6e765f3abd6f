//! Every format that was ever written opens, is right, and can be written to. See tests/fixtures/README.md.

use crate::duckdb;
use crate::harness::{Server, rows, run, value, without};
use std::fs;
use std::path::Path;

const FORMATS: [&str; 1] = ["format-1"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

async fn verify(client: &tokio_postgres::Client) {
    let verified = rows(client, "SELECT sluice.verify()").await.unwrap();
    assert_eq!(verified.len(), 3);
    // The paused view is behind, and says so.
    let held = |line: &str| line.starts_with("top |");
    for line in verified.iter().filter(|l| !held(l)) {
        assert_eq!(line.split(" | ").nth(3), Some("0"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_opens() {
    for format in FORMATS {
        let dir = tempfile::tempdir().unwrap();
        let lake = dir.path().join("moved");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(format), &lake);
        let server = Server::start(&lake);
        let client = server.connect().await;
        let gold = "SELECT * FROM gold";
        let all = |sql: &'static str| rows(&client, sql);
        assert_eq!(
            all(gold).await.unwrap(),
            ["apac | 92 | 103806.99", "eu | 91 | 104518.50", "us | 94 | 105403.25"],
            "{format}"
        );
        assert_eq!(all("SELECT * FROM top").await.unwrap(), ["eu | 104540.50", "us | 105395.25"], "paused");
        assert_eq!(
            all("SELECT * FROM orders WHERE id = 1 OR note = 'inlined'").await.unwrap(),
            [
                "1 | 1 | 11.50 | none | 2024-02-29 12:00:00+00 | 550e8400-e29b-41d4-a716-446655440000 | \
                 {\"a\": [1, null]} | \\x00ff | 0.1 | t",
                "2504 | 3 | 99.99 | inlined | NULL | NULL | NULL | NULL | NULL | NULL",
            ]
        );
        assert_eq!(value(&client, "SELECT count(*) FROM latest").await, "3", "a plain view");
        verify(&client).await;
        if !without("duckdb") {
            let views =
                ["gold=SELECT region, count(*) AS n, sum(amount) AS total FROM silver.enriched GROUP BY region"];
            let reads = duckdb::check(&lake, &["--print", &views[0]["gold=".len()..]]);
            assert!(reads.contains("('us', 94, Decimal('105403.25'))"), "{reads}");
        }
        // Constraints, sequences and schedules are in force.
        let refused = all("INSERT INTO orders (customer, amount) VALUES (77, 1)").await.unwrap_err();
        assert!(refused.starts_with("23503"), "{refused}");
        let refused = all("INSERT INTO orders (customer, amount) VALUES (1, -1)").await.unwrap_err();
        assert!(refused.starts_with("23514"), "{refused}");
        let next = all("INSERT INTO orders (customer, amount) VALUES (1, 0.50) RETURNING id > 2504, note").await;
        assert_eq!(next.unwrap(), ["t | none"]);
        run(&client, "DELETE FROM orders WHERE note = 'inlined'; SELECT pgtrickle.resume_stream_table('top')").await;
        run(&client, "SELECT sluice.maintain()").await;
        assert_eq!(all(gold).await.unwrap(), ["apac | 91 | 103707.00", "eu | 92 | 104519.00", "us | 94 | 105403.25"]);
        verify(&client).await;
        server.stop();
    }
}
