-- IS NOT DISTINCT FROM beside = in chains of joins: NULLs meet in the one and not in the other.
-- setup
CREATE TABLE n0 (id integer PRIMARY KEY, k integer, f double precision);
CREATE TABLE n1 (id integer PRIMARY KEY, k integer, f double precision);
INSERT INTO n0 VALUES (1, NULL, '-0'), (2, NULL, 0), (3, 1, 1.5), (4, 2, NULL);
INSERT INTO n1 VALUES (1, NULL, 0), (2, 1, '-0'), (3, 1, NULL);
-- view v_after
SELECT a.id, b.id AS b, c.id AS c FROM n0 a JOIN n0 b ON a.k = b.k JOIN n1 c ON a.k IS NOT DISTINCT FROM c.k
-- view v_before
SELECT a.id, b.id AS b, c.id AS c FROM n0 a JOIN n0 b ON a.k IS NOT DISTINCT FROM b.k JOIN n1 c ON a.k = c.k
-- view v_comma
SELECT a.id, b.id AS b, c.id AS c FROM n0 a, n1 b JOIN n1 c ON b.k IS NOT DISTINCT FROM c.k WHERE a.k = b.k
-- view v_zero
SELECT id, f = 0 AS eq, f < 0 AS lt, f IN (0, 7) AS i, nullif(f, 0) AS n, f BETWEEN 0 AND 1 AS b, CASE f WHEN 0 THEN 'zero' ELSE 'other' END AS c, sign(f) AS s FROM n0
-- view v_zero_join
SELECT a.id, b.id AS b FROM n0 a JOIN n1 b ON a.f = b.f AND a.f >= b.f
-- step
INSERT INTO n0 VALUES (5, 1, 'NaN'), (6, NULL, NULL);
UPDATE n1 SET k = NULL WHERE id = 2;
-- step
UPDATE n0 SET k = 1 WHERE id = 1;
DELETE FROM n1 WHERE id = 1;
