-- Subqueries that refer to the query around them in ways that no join says: inequalities, LIMIT, several levels, LATERAL;
-- with NULLs, duplicates and nothing inside.
-- setup
CREATE TABLE co (id int, r text, v int);
CREATE TABLE cc (oid int, n int, w int, t text);
INSERT INTO co VALUES (1, 'a', 10), (2, 'a', 20), (3, 'b', NULL), (4, NULL, 5), (4, NULL, 5), (NULL, 'b', 7);
INSERT INTO cc VALUES (1, 1, 100, 'x'), (1, 2, 200, 'y'), (1, 2, 200, 'y'), (2, 5, NULL, 'z'), (3, NULL, 1, NULL), (NULL, 7, 8, 'q'), (9, 1, 1, 'x');
-- view v_count
SELECT id, (SELECT count(*) FROM cc WHERE cc.n < co.v) AS n, (SELECT sum(w) FROM cc WHERE cc.oid < co.id) AS s FROM co
-- view v_max
SELECT id, (SELECT max(w) FROM cc WHERE cc.oid = co.id AND cc.n <> co.v) AS m, CASE WHEN v > 5 THEN (SELECT min(w) FROM cc WHERE n < v) ELSE 0 END AS c FROM co
-- view v_first
SELECT id, (SELECT n FROM cc WHERE cc.oid = co.id ORDER BY n DESC LIMIT 1) AS f, (SELECT n FROM cc WHERE cc.oid = co.id ORDER BY n DESC NULLS LAST LIMIT 1 OFFSET 1) AS g FROM co
-- view v_one
SELECT id, (SELECT cc.n + co.v FROM cc WHERE cc.oid = co.id AND cc.n = 5) AS x FROM co
-- view v_exists
SELECT id FROM co WHERE EXISTS (SELECT 1 FROM cc WHERE cc.oid > co.id)
-- view v_not_exists
SELECT id FROM co WHERE NOT EXISTS (SELECT 1 FROM cc WHERE cc.oid > co.id)
-- view v_exists_limit
SELECT id, EXISTS (SELECT 1 FROM cc WHERE cc.oid > co.id) AS e FROM co WHERE EXISTS (SELECT 1 FROM cc WHERE cc.oid = co.id LIMIT 1)
-- view v_compared
SELECT id FROM co WHERE v > (SELECT avg(w) FROM cc WHERE cc.oid <= co.id)
-- view v_in
SELECT id FROM co WHERE id IN (SELECT oid FROM cc WHERE cc.n < co.v)
-- view v_not_in
SELECT id FROM co WHERE id NOT IN (SELECT oid FROM cc WHERE cc.n < co.v)
-- view v_not_in_values
SELECT id FROM co WHERE v NOT IN (SELECT n FROM cc WHERE cc.oid >= co.id)
-- view v_all
SELECT a.id FROM co a WHERE a.v >= ALL (SELECT b.v FROM co b WHERE b.r = a.r)
-- view v_any
SELECT a.id FROM co a WHERE a.v > ANY (SELECT b.v FROM co b WHERE b.id <> a.id)
-- view v_lateral_top
SELECT co.id, l.n, l.w FROM co, LATERAL (SELECT n, w FROM cc WHERE cc.oid = co.id ORDER BY n DESC, w LIMIT 1) l
-- view v_lateral_left
SELECT co.id, l.n, l.w FROM co LEFT JOIN LATERAL (SELECT n, w FROM cc WHERE cc.oid = co.id ORDER BY n DESC, w LIMIT 2) l ON true
-- view v_lateral_sums
SELECT co.id, l.s, l.c FROM co CROSS JOIN LATERAL (SELECT sum(w) s, count(*) c FROM cc WHERE cc.oid < co.id) l
-- view v_lateral_having
SELECT co.id, l.s FROM co LEFT JOIN LATERAL (SELECT sum(w) s FROM cc WHERE cc.oid < co.id HAVING count(*) > 2) l ON true
-- view v_lateral_on
SELECT co.id, l.s FROM co LEFT JOIN LATERAL (SELECT sum(w) s FROM cc WHERE cc.oid < co.id) l ON l.s > 100
-- view v_lateral_chain
SELECT co.id, l.x, m.y FROM co, LATERAL (SELECT co.v + 1 AS x) l, LATERAL (SELECT l.x * 2 AS y) m
-- view v_lateral_groups
SELECT co.id, l.t, l.c FROM co, LATERAL (SELECT t, count(*) c FROM cc WHERE cc.oid <= co.id GROUP BY t) l
-- view v_lateral_union
SELECT co.id, l.n FROM co, LATERAL (SELECT n FROM cc WHERE cc.oid = co.id UNION SELECT co.v) l
-- view v_lateral_distinct
SELECT co.id, l.n FROM co, LATERAL (SELECT DISTINCT n FROM cc WHERE cc.oid >= co.id) l
-- view v_lateral_window
SELECT co.id, l.n, l.r FROM co, LATERAL (SELECT n, rank() OVER (ORDER BY n, w) r FROM cc WHERE cc.oid <= co.id) l
-- view v_levels
SELECT id, (SELECT count(*) FROM cc WHERE cc.oid = co.id AND EXISTS (SELECT 1 FROM cc c2 WHERE c2.n > cc.n AND c2.oid = co.id)) AS n FROM co
-- view v_levels_scalar
SELECT id, (SELECT count(*) FROM cc WHERE cc.n = (SELECT max(n) FROM cc c2 WHERE c2.oid = co.id)) AS n FROM co
-- view v_levels_exists
SELECT id FROM co WHERE EXISTS (SELECT 1 FROM cc WHERE cc.oid = (SELECT max(n) FROM cc c2 WHERE c2.oid < co.id))
-- view v_levels_lateral
SELECT co.id, l.n FROM co, LATERAL (SELECT cc.n FROM cc WHERE cc.oid = co.id AND cc.w > (SELECT min(c2.w) FROM cc c2 WHERE c2.oid <= co.id)) l
-- view v_derived
SELECT id, (SELECT sum(x) FROM (SELECT n AS x FROM cc WHERE cc.oid = co.id UNION ALL SELECT co.v) s) AS s,
  (SELECT sum(x) FROM (SELECT max(n) AS x FROM cc WHERE cc.oid < co.id GROUP BY t) s) AS g FROM co
-- view v_joined
SELECT id, (SELECT count(*) FROM cc JOIN co c2 ON c2.id = cc.oid WHERE c2.v <> co.v) AS i,
  (SELECT count(*) FROM cc LEFT JOIN co c2 ON c2.id = cc.oid AND c2.v < co.v WHERE c2.id IS NULL) AS o FROM co
-- view v_aggregated
SELECT r, sum((SELECT count(*) FROM cc WHERE cc.oid < co.id)) AS s FROM co GROUP BY r
-- view v_text
SELECT id, (SELECT string_agg(t, ',' ORDER BY t) FROM cc WHERE cc.oid <= co.id) AS t FROM co
-- step
INSERT INTO cc VALUES (2, 6, 7, 'z'), (4, 4, 4, NULL);
UPDATE co SET v = 6 WHERE id = 3;
-- step
DELETE FROM cc WHERE oid = 1;
INSERT INTO co VALUES (5, 'c', 0), (1, 'a', 10);
-- step
UPDATE cc SET oid = NULL WHERE n > 5;
DELETE FROM co WHERE id = 4;
-- step
DELETE FROM cc;
-- step
INSERT INTO cc VALUES (1, 1, 1, 'a'), (1, NULL, NULL, NULL), (2, 2, 2, 'b');
