-- Aggregates without GROUP BY: one row always, also over empty input; HAVING without GROUP BY; over a filter that passes nothing.
-- setup
CREATE TABLE gt (id integer PRIMARY KEY, x integer, n numeric(8,2), s text, f boolean);
INSERT INTO gt VALUES (1, 5, 1.25, 'm', true), (2, NULL, NULL, NULL, NULL), (3, -2, 0.75, 'b', false), (4, 5, 10.00, 'z', true), (5, 0, 0.00, '', true);
-- view g_all
SELECT count(*) AS c, count(x) AS cx, sum(x) AS sx, min(s) AS ms, max(s) AS xs, sum(n) AS sn, bool_and(f) AS ba, bool_or(f) AS bo FROM gt
-- view g_avg
SELECT round(avg(x), 3) AS ax, avg(n)::numeric(12,4) AS an FROM gt
-- view g_filtered
SELECT count(*) AS c, sum(x) AS s, max(x) AS m FROM gt WHERE x > 100
-- view g_having
SELECT sum(x) AS s FROM gt HAVING count(*) >= 4
-- view g_const
SELECT 'n=' || count(*) AS t, COALESCE(sum(x), 0) AS s FROM gt WHERE f
-- view g_distinct
SELECT count(DISTINCT x) AS dx, sum(DISTINCT x) AS sdx FROM gt
-- step
DELETE FROM gt WHERE id IN (1, 3);
-- step
UPDATE gt SET x = 101 WHERE id = 2;
-- step
DELETE FROM gt;
-- step
INSERT INTO gt VALUES (7, NULL, NULL, NULL, NULL);
-- step
INSERT INTO gt VALUES (8, 1000, 5.50, 'k', false), (9, 1000, 5.50, 'k', false), (10, 3, 1.00, 'j', true);
-- step
UPDATE gt SET x = -x, id = id + 1000, f = NOT f;
