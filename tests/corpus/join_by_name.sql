-- Shared columns of USING and NATURAL joins: their place in SELECT *, their values in RIGHT and FULL JOIN, in chains,
-- in WITH, in GROUP BY, ORDER BY and in subqueries.
-- setup
CREATE TABLE a (p integer, x integer, y integer, s text);
CREATE TABLE b (q integer, y integer, x integer, t text);
CREATE TABLE c (r integer, x integer, u text);
INSERT INTO a VALUES (1, 1, 1, 'a11'), (2, 2, 1, 'a21'), (3, NULL, 1, 'a'), (4, 4, 4, NULL);
INSERT INTO b VALUES (1, 1, 1, 'b11'), (2, 1, 2, 'b12'), (3, 3, 3, 'b33'), (4, NULL, NULL, 'b');
INSERT INTO c VALUES (1, 1, 'c1'), (2, 3, 'c3'), (3, 5, 'c5');
-- view n_inner
SELECT * FROM (SELECT * FROM a NATURAL JOIN b) AS j (x, y, p, s, q, t)
-- view n_full
SELECT * FROM a NATURAL FULL JOIN b
-- view u_star
SELECT * FROM (SELECT * FROM a JOIN b USING (y, x)) AS j
-- view u_right
SELECT * FROM a RIGHT JOIN c USING (x)
-- view u_left_star
SELECT c.*, a.p FROM c LEFT JOIN a USING (x)
-- view u_full_named
SELECT x, a.x AS ax, c.x AS cx, u, s FROM a FULL JOIN c USING (x)
-- view u_chain
SELECT * FROM (SELECT x, p, q, u FROM a FULL JOIN b USING (x) FULL JOIN c USING (x)) AS j WHERE x IS DISTINCT FROM 7
-- view u_where
SELECT x, s, u FROM a FULL JOIN c USING (x) WHERE x > 1
-- view u_group
SELECT x, count(*) AS n, count(a.x) AS na, sum(x) AS total FROM a FULL JOIN c USING (x) GROUP BY x HAVING x > 0
-- view u_expr
SELECT x + 1 AS x1, coalesce(s, u) AS z FROM a RIGHT JOIN c USING (x)
-- view u_with
WITH w AS (SELECT x, u FROM c), v AS (SELECT * FROM w RIGHT JOIN a USING (x)) SELECT * FROM v
-- view u_paren
SELECT x, r, p, q FROM c RIGHT JOIN (a JOIN b USING (x)) USING (x) WHERE q > -1
-- view u_subquery
SELECT x, u FROM a FULL JOIN c USING (x) WHERE EXISTS (SELECT 1 FROM (SELECT q AS k FROM b) AS bk WHERE bk.k = x)
-- view u_subquery_own
SELECT a.p, u FROM a FULL JOIN c USING (x) WHERE a.p IN (SELECT x FROM b)
-- view u_top
SELECT x, s, u FROM a FULL JOIN c USING (x) ORDER BY x DESC NULLS LAST, u, s LIMIT 3
-- view w_inner
SELECT x, p, q FROM a JOIN b USING (x) WHERE x < 3 AND x IS NOT NULL
-- view w_left
SELECT x, s, t FROM a LEFT JOIN b USING (x) WHERE x > 1 OR x IS NULL
-- view w_full
SELECT x, p, q FROM a FULL JOIN b USING (x) WHERE x IN (1, 3) AND coalesce(x, 0) > 0
-- view w_natural
SELECT x + y AS xy, count(*) AS n FROM a NATURAL JOIN b WHERE x <= y AND x BETWEEN 1 AND 4 GROUP BY x + y
-- view w_exists
SELECT x FROM a JOIN c USING (x) WHERE EXISTS (SELECT 1 FROM b WHERE b.x = a.x) AND x = 1
-- step
INSERT INTO c VALUES (4, 4, 'c4'), (5, NULL, 'c');
DELETE FROM a WHERE x = 1;
-- step
UPDATE b SET x = 4, y = 4 WHERE q = 3;
INSERT INTO a VALUES (5, 5, 5, 'a55'), (6, 5, 6, 'a56');
-- step
UPDATE c SET x = x + 1;
UPDATE a SET x = 6 WHERE p = 5;
-- step
DELETE FROM b;
DELETE FROM c WHERE r > 3;
-- step
INSERT INTO b VALUES (1, 5, 5, 'b55'), (7, 7, 7, NULL);
