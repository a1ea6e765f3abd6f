-- UNION (ALL) over aggregates, aggregates over UNION, joins over UNION ALL, EXCEPT / INTERSECT over aggregates and joins.
-- setup
CREATE TABLE web (u integer, amt integer);
CREATE TABLE shop (u integer, amt integer);
INSERT INTO web VALUES (1, 10), (1, 10), (2, 20), (NULL, 5), (4, NULL);
INSERT INTO shop VALUES (1, 20), (2, 20), (3, 30), (NULL, 5);
-- view u_of_agg
SELECT 'web' AS src, u, sum(amt) AS s FROM web GROUP BY u UNION ALL SELECT 'shop', u, sum(amt) FROM shop GROUP BY u
-- view u_of_agg_dist
SELECT u, sum(amt) AS s FROM web GROUP BY u UNION SELECT u, sum(amt) FROM shop GROUP BY u
-- view agg_of_u
SELECT u, sum(amt) AS s, count(*) AS n FROM (SELECT u, amt FROM web UNION ALL SELECT u, amt FROM shop) x GROUP BY u
-- view agg_of_ud
SELECT count(*) AS n, sum(amt) AS s FROM (SELECT u, amt FROM web UNION SELECT u, amt FROM shop) x
-- view join_of_u
SELECT a.u, a.amt, w.amt AS wamt FROM (SELECT u, amt FROM web UNION ALL SELECT u, amt FROM shop) a JOIN web w ON w.u = a.u
-- view except_agg
SELECT u, sum(amt) AS s FROM web GROUP BY u EXCEPT SELECT u, sum(amt) FROM shop GROUP BY u
-- view inter_agg
SELECT u, sum(amt) AS s FROM web GROUP BY u INTERSECT SELECT u, sum(amt) FROM shop GROUP BY u
-- view u_of_join
SELECT w.u, s.amt FROM web w JOIN shop s ON w.u = s.u UNION SELECT u, amt FROM web
-- view agg_of_except
SELECT count(*) AS n FROM (SELECT u FROM web EXCEPT SELECT u FROM shop) x
-- view top_of_u
SELECT u, amt FROM (SELECT u, amt FROM web UNION ALL SELECT u, amt FROM shop) x ORDER BY amt DESC NULLS LAST, u LIMIT 3
-- view totals
SELECT 'all' AS k, count(*) AS n FROM web UNION ALL SELECT 'all', count(*) FROM shop UNION ALL SELECT 'dist', count(DISTINCT u) FROM shop
-- step
INSERT INTO web VALUES (3, 30), (2, 1);
-- step
DELETE FROM web WHERE u = 1;
-- step
UPDATE shop SET u = 4, amt = NULL WHERE u IS NULL;
-- step
INSERT INTO web SELECT u, amt FROM shop WHERE u < 3;
DELETE FROM shop WHERE u < 3;
-- step
TRUNCATE shop;
-- step
INSERT INTO shop SELECT * FROM web;
INSERT INTO shop VALUES (9, 9);
