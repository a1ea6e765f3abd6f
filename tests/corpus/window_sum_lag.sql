-- sum/count over partitions, running sums, lag and lead; a change early in a partition shifts all later rows.
-- setup
CREATE TABLE mv (id integer PRIMARY KEY, acct integer, amt numeric(10,2), d date);
INSERT INTO mv VALUES (1, 1, 100.00, '2024-01-01'), (2, 1, -30.50, '2024-01-02'), (3, 2, 5.25, '2024-01-01'), (4, 1, 12.00, '2024-01-05'), (5, NULL, 1.00, '2024-01-01'), (6, 2, NULL, '2024-01-03');
-- view w_total
SELECT id, acct, sum(amt) OVER (PARTITION BY acct) AS tot, count(*) OVER (PARTITION BY acct) AS n FROM mv
-- view w_running
SELECT id, acct, sum(amt) OVER (PARTITION BY acct ORDER BY d, id) AS bal FROM mv
-- view w_lag
SELECT id, lag(amt) OVER (PARTITION BY acct ORDER BY id) AS prev, lead(id) OVER (PARTITION BY acct ORDER BY id) AS nxt FROM mv
-- view w_gap
SELECT id, d - lag(d) OVER (PARTITION BY acct ORDER BY d, id) AS gap FROM mv
-- view w_max
SELECT id, max(amt) OVER () AS m, amt - min(amt) OVER (PARTITION BY acct) AS over_min FROM mv
-- step
INSERT INTO mv VALUES (7, 2, 3.75, '2024-01-02');
-- step
UPDATE mv SET amt = 200.00 WHERE id = 1;
-- step
UPDATE mv SET acct = 2 WHERE id = 2;
-- step
DELETE FROM mv WHERE d = '2024-01-01';
-- step
UPDATE mv SET id = 0 WHERE id = 7;
UPDATE mv SET amt = 0.01 WHERE amt IS NULL;
-- step
TRUNCATE mv;
INSERT INTO mv VALUES (3, 9, 1.00, '2025-01-01'), (2, 9, 2.00, '2025-01-03'), (1, 9, 3.00, '2025-01-02');
