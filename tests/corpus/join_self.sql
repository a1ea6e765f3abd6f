-- Self-joins: one changed row is on both sides at once; a hierarchy, pairs of equals, inequality pairs.
-- setup
CREATE TABLE node (id integer PRIMARY KEY, parent integer, grp integer, val integer);
INSERT INTO node VALUES (1, NULL, 1, 10), (2, 1, 1, 20), (3, 1, 2, 20), (4, 2, 2, 5), (5, 5, 2, 7), (6, 99, NULL, 20);
CREATE TABLE bag (k integer, v text);
INSERT INTO bag VALUES (1, 'a'), (1, 'a'), (2, 'b'), (NULL, 'n'), (3, 'b');
-- view s_parent
SELECT c.id, p.id AS pid, p.val - c.val AS diff FROM node c JOIN node p ON c.parent = p.id
-- view s_grand
SELECT c.id, g.id AS gid FROM node c JOIN node p ON c.parent = p.id JOIN node g ON p.parent = g.id
-- view s_pairs
SELECT a.id AS ida, b.id AS idb FROM node a JOIN node b ON a.grp = b.grp AND a.id < b.id
-- view s_bag
SELECT x.k, x.v, y.v AS v2 FROM bag x JOIN bag y ON x.k = y.k
-- view s_left
SELECT c.id, c.parent, p.val FROM node c LEFT JOIN node p ON c.parent = p.id AND p.val >= c.val
-- view s_count
SELECT p.id, count(c.id) AS kids, sum(c.val) AS tot FROM node p LEFT JOIN node c ON c.parent = p.id GROUP BY p.id
-- step
UPDATE node SET parent = 4 WHERE id = 3;
-- step
UPDATE node SET id = 99 WHERE id = 2;
-- step
INSERT INTO bag VALUES (1, 'c'), (NULL, 'n');
UPDATE node SET grp = 2 WHERE grp IS NULL;
-- step
DELETE FROM bag WHERE v = 'a';
DELETE FROM node WHERE id = 1;
-- step
UPDATE bag SET k = 2;
UPDATE node SET parent = id;
-- step
DELETE FROM node WHERE id > 4;
INSERT INTO node VALUES (7, 7, 2, 1);
