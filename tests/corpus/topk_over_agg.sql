-- Top-k over aggregates and joins, aggregate / filter / join / distinct over top-k: members of the first k change with the groups.
-- setup
CREATE TABLE o (id integer PRIMARY KEY, c text, amt integer);
CREATE TABLE cu (c text PRIMARY KEY, city text);
INSERT INTO o VALUES (1, 'a', 10), (2, 'a', 5), (3, 'b', 12), (4, 'c', 1), (5, 'd', NULL), (6, NULL, 30), (7, 'c', 2);
INSERT INTO cu VALUES ('a', 'Rome'), ('b', 'Oslo'), ('c', 'Rome'), ('e', NULL);
-- view top_groups
SELECT c, sum(amt) AS s FROM o GROUP BY c ORDER BY sum(amt) DESC NULLS LAST, c LIMIT 2
-- view top_count
SELECT c, count(*) AS n FROM o GROUP BY c ORDER BY n DESC, c NULLS LAST LIMIT 2 OFFSET 1
-- view agg_of_top
SELECT count(*) AS n, sum(amt) AS s, min(amt) AS m FROM (SELECT id, amt FROM o ORDER BY amt DESC NULLS LAST, id LIMIT 3) t
-- view group_of_top
SELECT c, count(*) AS n FROM (SELECT id, c, amt FROM o ORDER BY amt DESC NULLS LAST, id LIMIT 4) t GROUP BY c
-- view filter_of_top
SELECT id, amt FROM (SELECT id, amt FROM o ORDER BY amt DESC NULLS LAST, id LIMIT 3) t WHERE amt < 20
-- view join_of_top
SELECT cu.city, t.c, t.s FROM (SELECT c, sum(amt) AS s FROM o GROUP BY c ORDER BY s DESC NULLS LAST, c LIMIT 3) t JOIN cu ON cu.c = t.c
-- view left_join_top
SELECT cu.c, t.id FROM cu LEFT JOIN (SELECT id, c FROM o ORDER BY id DESC LIMIT 3) t ON t.c = cu.c
-- view top_of_join
SELECT o.id, cu.city FROM o JOIN cu ON cu.c = o.c ORDER BY o.id DESC LIMIT 2
-- view in_top
SELECT id, c FROM o WHERE c IN (SELECT c FROM o GROUP BY c ORDER BY count(*) DESC, c LIMIT 1)
-- view top_of_top
SELECT id FROM (SELECT id, amt FROM o ORDER BY amt DESC NULLS LAST, id LIMIT 4) t ORDER BY id LIMIT 2
-- step
INSERT INTO o VALUES (8, 'e', 100), (9, 'b', 4);
-- step
UPDATE o SET c = 'c' WHERE id IN (6, 8);
-- step
DELETE FROM o WHERE amt > 20;
-- step
UPDATE o SET amt = 7 WHERE amt IS NULL;
UPDATE cu SET c = 'd' WHERE c = 'e';
-- step
UPDATE o SET amt = -amt;
-- step
DELETE FROM o WHERE c <> 'd';
-- step
INSERT INTO o VALUES (20, 'b', 1), (21, 'b', 2), (22, 'a', 3), (23, NULL, 4);
