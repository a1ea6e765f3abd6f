-- DISTINCT over outer joins, left join over DISTINCT, DISTINCT over union, DISTINCT of DISTINCT, count over DISTINCT.
-- setup
CREATE TABLE p (k integer, x text);
CREATE TABLE q (k integer, y text);
INSERT INTO p VALUES (1, 'a'), (1, 'a'), (1, 'b'), (2, 'a'), (NULL, 'a'), (3, NULL);
INSERT INTO q VALUES (1, 'm'), (1, 'm'), (2, 'm'), (NULL, 'z'), (5, 'z');
-- view dl
SELECT DISTINCT p.x, q.y FROM p LEFT JOIN q ON p.k = q.k
-- view dfull
SELECT DISTINCT p.x, q.y FROM p FULL JOIN q ON p.k = q.k
-- view ld
SELECT p.x, d.y FROM p LEFT JOIN (SELECT DISTINCT k, y FROM q) d ON d.k = p.k
-- view dd
SELECT DISTINCT y FROM (SELECT DISTINCT k, y FROM q) d
-- view jd
SELECT a.k, b.y FROM (SELECT DISTINCT k FROM p) a JOIN (SELECT DISTINCT k, y FROM q) b ON a.k = b.k
-- view ud
SELECT DISTINCT v FROM (SELECT x AS v FROM p UNION ALL SELECT y FROM q) u
-- view cd
SELECT y, count(*) AS n FROM (SELECT DISTINCT k, y FROM q) d GROUP BY y
-- view da
SELECT DISTINCT n FROM (SELECT k, count(*) AS n FROM p GROUP BY k) g
-- view sd
SELECT DISTINCT x FROM p WHERE k IN (SELECT k FROM q)
-- step
INSERT INTO q VALUES (3, 'm'), (2, 'm');
-- step
DELETE FROM q WHERE k = 1;
-- step
UPDATE p SET x = 'b' WHERE k = 2;
INSERT INTO q VALUES (1, 'w');
-- step
UPDATE q SET k = 1 WHERE k IS NULL;
UPDATE p SET k = 5 WHERE k IS NULL;
-- step
DELETE FROM p WHERE x = 'a';
-- step
DELETE FROM q;
-- step
INSERT INTO q SELECT k, x FROM p;
INSERT INTO p VALUES (1, 'b');
