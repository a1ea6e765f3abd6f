-- UNION ALL, UNION, EXCEPT, INTERSECT and the ALL forms, on bags with NULLs and duplicates; rows move from one side to the other.
-- setup
CREATE TABLE p (a integer, b text);
CREATE TABLE q (a integer, b text);
INSERT INTO p VALUES (1, 'x'), (1, 'x'), (1, 'x'), (2, 'y'), (NULL, NULL), (NULL, NULL), (3, '');
INSERT INTO q VALUES (1, 'x'), (2, 'y'), (2, 'y'), (NULL, NULL), (4, 'w');
-- view u_all
SELECT a, b FROM p UNION ALL SELECT a, b FROM q
-- view u_dist
SELECT a, b FROM p UNION SELECT a, b FROM q
-- view x_dist
SELECT a, b FROM p EXCEPT SELECT a, b FROM q
-- view i_dist
SELECT a, b FROM p INTERSECT SELECT a, b FROM q
-- view x_all
SELECT a, b FROM p EXCEPT ALL SELECT a, b FROM q
-- view i_all
SELECT a, b FROM p INTERSECT ALL SELECT a, b FROM q
-- view u_three
SELECT a FROM p UNION ALL SELECT a + 10 FROM q UNION SELECT length(b) FROM p
-- view u_same
SELECT a, b FROM p UNION ALL SELECT a, b FROM p WHERE a = 1
-- view nested
(SELECT a FROM p EXCEPT SELECT a FROM q) UNION ALL (SELECT a FROM q EXCEPT SELECT a FROM p)
-- step
INSERT INTO q VALUES (1, 'x'), (3, '');
-- step
DELETE FROM q WHERE a IS NULL;
-- step
INSERT INTO q SELECT a, b FROM p WHERE a = 1;
DELETE FROM p WHERE a = 1;
-- step
UPDATE p SET a = 4, b = 'w' WHERE a IS NULL;
-- step
DELETE FROM q WHERE a = 4;
UPDATE q SET b = 'y' WHERE b = 'x';
-- step
TRUNCATE p;
-- step
INSERT INTO p SELECT * FROM q;
INSERT INTO p VALUES (NULL, 'n');
