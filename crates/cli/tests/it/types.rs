//! Types that meet and types that do not: what PostgreSQL compares, joins and stores, Sluice does, and nothing else.

use crate::statements::same;

const TABLE: &str = "CREATE TABLE st (i int, b bigint, n numeric(8,2), f float8, t text, v varchar(9), o boolean, d date, s timestamp, z timestamptz, j jsonb)";
const ROW: &str = "INSERT INTO st VALUES (1, 2, 3.5, 4.5, 'x', 'y', true, '2024-01-01', '2024-01-01 10:00', '2024-01-01 10:00+00', '{}')";

#[tokio::test]
async fn types_that_do_not_meet_are_refused() {
    let statements = [
        TABLE,
        ROW,
        "SELECT i = t FROM st",
        "SELECT t = 1 FROM st",
        "SELECT d = 1 FROM st",
        "SELECT date '2024-01-01' > 5",
        "SELECT o = 1 FROM st",
        "SELECT s = t FROM st",
        "SELECT 1 = 'a'::text",
        "SELECT i IN (t) FROM st",
        "SELECT i IN (SELECT t FROM st) FROM st",
        "SELECT d BETWEEN 1 AND 2 FROM st",
        "SELECT CASE WHEN o THEN i ELSE t END FROM st",
        "SELECT CASE WHEN true THEN date '2024-01-01' ELSE 1 END",
        "SELECT CASE i WHEN 'a' THEN 1 END FROM st",
        "SELECT coalesce(i, t) FROM st",
        "SELECT coalesce(1, 'a')",
        "SELECT nullif(i, t) FROM st",
        "SELECT greatest(i, d) FROM st",
        "SELECT ARRAY[i, t] FROM st",
        "SELECT i FROM st UNION SELECT t FROM st",
        "SELECT 1 UNION SELECT 'a'",
        "SELECT t FROM st INTERSECT SELECT i FROM st",
        "SELECT a.i FROM st a JOIN st b ON a.i = b.t",
        "SELECT i LIKE '1%' FROM st",
        "SELECT i ~ '1' FROM st",
        "SELECT i || b FROM st",
        "SELECT upper(i), 1 FROM st",
        "SELECT length(i) FROM st",
        "SELECT lpad(i, 5, '0') FROM st",
        "SELECT replace(i, '1', '2') FROM st",
        "SELECT t + 1 FROM st",
        "SELECT d + t FROM st",
        "SELECT NOT i FROM st",
        "SELECT i AND o FROM st",
        "SELECT max(o) FROM st",
        "SELECT o = 'maybe' FROM st",
        "SELECT i = '99999999999' FROM st",
        "UPDATE st SET d = 5",
        "UPDATE st SET o = 1",
        "UPDATE st SET j = 5",
        "INSERT INTO st (d) SELECT 5",
        "INSERT INTO st (s) SELECT i FROM st",
        "SELECT 'a' 'b'",
        "SELECT 1 AS 'b'",
        "SELECT * FROM st",
    ];
    same("kinds", &statements).await;
}

#[tokio::test]
async fn literals_in_quotes_take_the_type_beside_them() {
    let statements = [
        TABLE,
        ROW,
        "SELECT i = '1', t = '1', d = '2024-01-01', d < s, s < z, f > n, o = 'true', 'f' = o, i < n, v = t, j = '{}' FROM st",
        "SELECT s > '2020-01-01' AND '2030-01-01' > s AND s BETWEEN '2020-01-01' AND z FROM st",
        "SELECT i IN (1, '2', 3.5), t IN ('x', 'y'), d IN ('2024-01-01') FROM st",
        "SELECT CASE WHEN o THEN i ELSE '7' END + 1, coalesce(i, '5') + 1, greatest(i, '9') + 1 FROM st",
        "SELECT coalesce(d, '2024-02-02'), coalesce(n, '1.25'), nullif(i, '1'), least(d, '2020-01-01') FROM st",
        "SELECT i FROM st UNION SELECT '5' ORDER BY 1",
        "SELECT '5' UNION SELECT i FROM st ORDER BY 1",
        "SELECT d FROM st UNION ALL SELECT NULL ORDER BY 1",
        "SELECT 1 + '2', 3 * '4', 10 / '4', 10.5 - '1.25', 2::float8 * '1.5', i + '1' FROM st",
        "SELECT i || t, t || i, i || 'x', 'x' || n FROM st",
        "SELECT ARRAY[d, '2024-02-02'], ARRAY[1, '2'], ARRAY[t, 'a'] FROM st",
        "SELECT * FROM (VALUES ('2024-01-01'), (date '2024-01-02'), (NULL)) AS v ORDER BY 1",
        "SELECT i ISNULL, t NOTNULL, i ISNULL OR t ISNULL AS x, (o) ISNULL FROM st WHERE NOT i ISNULL",
        "UPDATE st SET i = '5', n = 7, f = 2, t = 5, d = s, s = d, b = 2.5",
        "SELECT i, b, n, f, t, d, s FROM st",
    ];
    same("open_literals", &statements).await;
}
