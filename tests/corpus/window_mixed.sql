-- Windows over aggregates and joins, aggregates / joins / filters / distinct over windows.
-- setup
CREATE TABLE s (id integer PRIMARY KEY, shop text, day date, amt integer);
CREATE TABLE sh (shop text, region text);
INSERT INTO s VALUES (1, 'x', '2024-01-01', 5), (2, 'x', '2024-01-02', 7), (3, 'y', '2024-01-01', 9), (4, 'y', '2024-01-03', NULL), (5, NULL, '2024-01-02', 4), (6, 'x', '2024-01-02', 1);
INSERT INTO sh VALUES ('x', 'n'), ('y', 's'), ('z', 's');
-- view win_over_agg
SELECT shop, s, rank() OVER (ORDER BY s DESC NULLS LAST) AS r FROM (SELECT shop, sum(amt) AS s FROM s GROUP BY shop) g
-- view win_agg_run
SELECT day, sum(d) OVER (ORDER BY day) AS running FROM (SELECT day, sum(amt) AS d FROM s GROUP BY day) g
-- view win_over_join
SELECT s.id, sh.region, row_number() OVER (PARTITION BY sh.region ORDER BY s.amt DESC NULLS LAST, s.id) AS rn FROM s JOIN sh ON sh.shop = s.shop
-- view agg_over_win
SELECT rn, count(*) AS n, sum(amt) AS s FROM (SELECT amt, row_number() OVER (PARTITION BY shop ORDER BY id) AS rn FROM s) w GROUP BY rn
-- view join_over_win
SELECT sh.region, w.id FROM sh JOIN (SELECT id, shop, row_number() OVER (PARTITION BY shop ORDER BY id DESC) AS rn FROM s) w ON w.shop = sh.shop AND w.rn = 1
-- view left_over_win
SELECT sh.shop, w.n FROM sh LEFT JOIN (SELECT DISTINCT shop, count(*) OVER (PARTITION BY shop) AS n FROM s) w ON w.shop = sh.shop
-- view change
SELECT id, amt - prev AS delta FROM (SELECT id, amt, lag(amt) OVER (PARTITION BY shop ORDER BY day, id) AS prev FROM s) w WHERE prev IS NOT NULL
-- view share
SELECT id, round(100.0 * amt / sum(amt) OVER (PARTITION BY shop), 2) AS pct FROM s WHERE amt > 0
-- step
INSERT INTO s VALUES (7, 'z', '2024-01-04', 20), (8, 'y', '2024-01-02', 3);
-- step
UPDATE s SET shop = 'x' WHERE shop IS NULL;
-- step
UPDATE s SET amt = 50 WHERE id = 1;
UPDATE sh SET region = 'n' WHERE shop = 'y';
-- step
DELETE FROM s WHERE shop = 'x' AND day = '2024-01-02';
-- step
DELETE FROM sh WHERE shop = 'x';
UPDATE s SET day = '2024-01-01';
-- step
TRUNCATE s;
INSERT INTO s VALUES (2, 'z', '2024-02-01', 1), (1, 'z', '2024-02-02', 2), (3, 'y', '2024-02-01', 3);
