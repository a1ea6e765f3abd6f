-- Semi and anti joins over aggregates, joins, unions and distinct, and aggregates, distinct and outer joins over semi/anti joins.
-- setup
CREATE TABLE c (id integer PRIMARY KEY, name text, zone integer);
CREATE TABLE o (id integer PRIMARY KEY, cid integer, amt integer);
INSERT INTO c VALUES (1, 'ann', 1), (2, 'bob', 1), (3, 'cyd', 2), (4, NULL, NULL), (5, 'eve', 2);
INSERT INTO o VALUES (1, 1, 10), (2, 1, 90), (3, 2, 50), (4, NULL, 500), (5, 3, 5), (6, 8, 8);
-- view semi_agg
SELECT id, name FROM c WHERE id IN (SELECT cid FROM o GROUP BY cid HAVING sum(amt) >= 50)
-- view anti_agg
SELECT id FROM c WHERE NOT EXISTS (SELECT 1 FROM (SELECT cid, count(*) AS n FROM o GROUP BY cid) x (oc, n) WHERE x.oc = c.id AND x.n > 1)
-- view semi_join
SELECT zone, id FROM c WHERE EXISTS (SELECT 1 FROM o JOIN c d ON d.id = o.cid WHERE d.zone = c.zone AND o.amt > 40)
-- view anti_union
SELECT id FROM o WHERE cid NOT IN (SELECT id FROM c WHERE zone = 1 UNION ALL SELECT id FROM c WHERE zone = 2)
-- view agg_semi
SELECT zone, count(*) AS n FROM c WHERE EXISTS (SELECT 1 FROM o WHERE o.cid = c.id) GROUP BY zone
-- view agg_anti
SELECT count(*) AS n, sum(amt) AS s FROM o WHERE NOT EXISTS (SELECT 1 FROM c WHERE c.id = o.cid)
-- view distinct_semi
SELECT DISTINCT zone FROM c WHERE id IN (SELECT cid FROM o WHERE amt > 9)
-- view left_semi
SELECT a.name, o.amt FROM (SELECT id, name FROM c WHERE zone IN (SELECT zone FROM c WHERE name LIKE 'a%' OR name LIKE 'c%')) a LEFT JOIN o ON o.cid = a.id AND o.amt > 20
-- view semi_left
SELECT l.name, l.amt FROM (SELECT c.id, c.name, o.amt FROM c LEFT JOIN o ON o.cid = c.id) l WHERE EXISTS (SELECT 1 FROM o p WHERE p.cid = l.id AND p.amt > l.amt)
-- view semi_semi
SELECT id FROM c WHERE id IN (SELECT cid FROM o WHERE amt IN (SELECT amt FROM o WHERE amt >= 10)) AND zone IN (SELECT zone FROM c WHERE id > 1)
-- view top_anti
SELECT id, amt FROM o WHERE NOT EXISTS (SELECT 1 FROM o p WHERE p.cid = o.cid AND p.amt > o.amt) ORDER BY amt DESC, id LIMIT 3
-- step
INSERT INTO o VALUES (7, 3, 60), (8, 5, 1);
-- step
UPDATE o SET cid = 4 WHERE cid IS NULL;
UPDATE c SET zone = 3 WHERE id = 4;
-- step
DELETE FROM o WHERE amt >= 50 AND cid < 4;
-- step
UPDATE c SET id = 8 WHERE id = 2;
-- step
UPDATE c SET zone = NULL WHERE zone = 1;
UPDATE o SET amt = amt * 10;
-- step
DELETE FROM o WHERE cid IN (SELECT id FROM c);
-- step
INSERT INTO o SELECT id + 100, id, id * 10 FROM c;
