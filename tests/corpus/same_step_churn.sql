-- Within one step: insert and delete of the same row, update there and back, delete and insert again equal, a key reused by another row.
-- setup
CREATE TABLE p (id integer PRIMARY KEY, k integer, v text);
CREATE TABLE q (k integer, w integer);
INSERT INTO p VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, NULL, 'd');
INSERT INTO q VALUES (1, 10), (1, 10), (2, 20), (3, 30);
-- view rows_p
SELECT id, k, v FROM p WHERE k IS NOT NULL
-- view joined
SELECT p.id, p.v, q.w FROM p JOIN q ON p.k = q.k
-- view joined_left
SELECT q.k, q.w, p.v FROM q LEFT JOIN p ON p.k = q.k
-- view grouped
SELECT k, count(*) AS n, min(v) AS mn, max(v) AS mx FROM p GROUP BY k
-- view uniq
SELECT DISTINCT w FROM q
-- view top2
SELECT id, v FROM p ORDER BY v DESC, id LIMIT 2
-- step
INSERT INTO p VALUES (9, 9, 'zz');
DELETE FROM p WHERE id = 9;
INSERT INTO q VALUES (3, 31);
-- step
UPDATE p SET v = 'tmp' WHERE id = 1;
UPDATE p SET v = 'a' WHERE id = 1;
DELETE FROM q WHERE k = 1;
INSERT INTO q VALUES (1, 10);
-- step
DELETE FROM p WHERE id = 3;
INSERT INTO p VALUES (3, 1, 'new c');
-- step
UPDATE p SET id = 100 WHERE id = 1;
UPDATE p SET id = 1 WHERE id = 2;
INSERT INTO p VALUES (2, 3, 'two');
-- step
DELETE FROM q;
INSERT INTO q VALUES (2, 20), (3, 31);
DELETE FROM q WHERE w = 20;
INSERT INTO q VALUES (NULL, 5);
-- step
TRUNCATE p;
INSERT INTO p VALUES (1, 3, 'x'), (2, 3, 'y');
DELETE FROM p WHERE v = 'x';
INSERT INTO p VALUES (1, 3, 'x2');
UPDATE p SET k = NULL WHERE v = 'y';
