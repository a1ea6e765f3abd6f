-- Left and right joins: matches go 0 -> 1 -> 2 -> 1 -> 0, NULL keys, duplicates on the preserved side.
-- setup
CREATE TABLE a (k integer, x text);
CREATE TABLE b (k integer, y text);
INSERT INTO a VALUES (1, 'p'), (1, 'p'), (2, 'q'), (NULL, 'n'), (3, ''), (4, 'z');
INSERT INTO b VALUES (2, 'two'), (NULL, 'null'), (9, 'nine');
-- view v_left
SELECT a.k, a.x, b.y FROM a LEFT JOIN b ON a.k = b.k
-- view v_right
SELECT a.x, b.k, b.y FROM a RIGHT JOIN b ON a.k = b.k
-- view v_anti
SELECT a.k, a.x FROM a LEFT JOIN b ON a.k = b.k WHERE b.k IS NULL
-- view v_where_right
SELECT a.k, b.y FROM a LEFT JOIN b ON a.k = b.k WHERE b.y LIKE '%o%'
-- view v_coalesce
SELECT a.x, COALESCE(b.y, 'none') AS y FROM a LEFT JOIN b ON a.k = b.k
-- step
INSERT INTO b VALUES (1, 'one');
-- step
INSERT INTO b VALUES (1, 'uno'), (NULL, 'null');
-- step
DELETE FROM b WHERE y = 'one';
-- step
DELETE FROM b WHERE k = 1;
UPDATE a SET k = 9 WHERE k = 2;
-- step
UPDATE b SET k = 1 WHERE k IS NULL;
DELETE FROM a WHERE k = 3;
-- step
TRUNCATE b;
-- step
INSERT INTO b VALUES (4, 'four'), (4, 'four'), (1, 't');
DELETE FROM a WHERE k = 1;
