-- Scalar subqueries: uncorrelated (over data that becomes empty), correlated in the select list, in WHERE, compared with aggregates.
-- setup
CREATE TABLE e (id integer PRIMARY KEY, dep integer, sal integer);
CREATE TABLE d (dep integer PRIMARY KEY, name text, cap integer);
INSERT INTO e VALUES (1, 1, 100), (2, 1, 300), (3, 2, 200), (4, NULL, 50), (5, 2, 200), (6, 3, NULL);
INSERT INTO d VALUES (1, 'one', 250), (2, 'two', 500), (3, 'three', NULL), (4, 'four', 10);
-- view s_max
SELECT id, sal, (SELECT max(sal) FROM e) - sal AS below FROM e
-- view s_above_avg
SELECT id, sal FROM e WHERE sal > (SELECT avg(sal) FROM e)
-- view s_corr
SELECT d.dep, d.name, (SELECT sum(e.sal) FROM e WHERE e.dep = d.dep) AS total FROM d
-- view s_corr_count
SELECT d.dep, (SELECT count(*) FROM e WHERE e.dep = d.dep AND e.sal > 150) AS n FROM d
-- view s_corr_where
SELECT e.id, e.sal FROM e WHERE e.sal = (SELECT max(x.sal) FROM e x WHERE x.dep = e.dep)
-- view s_corr_cmp
SELECT d.name FROM d WHERE d.cap < (SELECT sum(e.sal) FROM e WHERE e.dep = d.dep)
-- view s_lookup
SELECT e.id, (SELECT d.name FROM d WHERE d.dep = e.dep) AS name FROM e
-- view s_one_row
SELECT id FROM e WHERE dep = (SELECT dep FROM d WHERE name = 'two')
-- view s_in_agg
SELECT dep, sum(sal) AS s FROM e GROUP BY dep HAVING sum(sal) > (SELECT min(cap) FROM d)
-- step
INSERT INTO e VALUES (7, 4, 400), (8, 3, 1);
-- step
UPDATE e SET dep = 2 WHERE id = 2;
-- step
UPDATE d SET name = 'twice' WHERE name = 'two';
DELETE FROM e WHERE sal = 400;
-- step
UPDATE d SET dep = dep + 1 WHERE dep = 4;
UPDATE e SET dep = 5 WHERE dep IS NULL;
UPDATE d SET name = 'two' WHERE dep = 5;
-- step
DELETE FROM e;
-- step
DELETE FROM d WHERE dep < 3;
INSERT INTO e VALUES (1, 3, 10), (2, 3, 20), (3, 1, 20);
-- step
TRUNCATE d;
INSERT INTO d VALUES (3, 'two', 29);
