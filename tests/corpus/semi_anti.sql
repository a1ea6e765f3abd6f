-- IN, NOT IN with NULLs on either side, EXISTS, NOT EXISTS, correlated ones with extra conditions; duplicates stay duplicates.
-- setup
CREATE TABLE m (k integer, v integer);
CREATE TABLE n (k integer, w integer);
INSERT INTO m VALUES (1, 10), (1, 10), (2, 20), (3, NULL), (NULL, 40), (5, 50);
INSERT INTO n VALUES (1, 5), (1, 15), (3, 0), (7, 70);
-- view s_in
SELECT k, v FROM m WHERE k IN (SELECT k FROM n)
-- view s_not_in
SELECT k, v FROM m WHERE k NOT IN (SELECT k FROM n)
-- view s_exists
SELECT k, v FROM m WHERE EXISTS (SELECT 1 FROM n WHERE n.k = m.k)
-- view s_not_exists
SELECT k, v FROM m WHERE NOT EXISTS (SELECT 1 FROM n WHERE n.k = m.k)
-- view s_exists_residual
SELECT k, v FROM m WHERE EXISTS (SELECT * FROM n WHERE n.k = m.k AND n.w > m.v)
-- view s_not_exists_residual
SELECT k, v FROM m WHERE NOT EXISTS (SELECT * FROM n WHERE n.k = m.k AND n.w < m.v)
-- view s_in_corr
SELECT k, v FROM m WHERE v IN (SELECT w FROM n WHERE n.k = m.k)
-- view s_exists_uncorr
SELECT k FROM m WHERE EXISTS (SELECT 1 FROM n WHERE w > 60)
-- view s_both
SELECT k FROM m WHERE k IN (SELECT k FROM n WHERE w > 3) AND k NOT IN (SELECT k FROM n WHERE w > 10 AND k IS NOT NULL)
-- step
INSERT INTO n VALUES (2, 25), (1, 10);
-- step
INSERT INTO n VALUES (NULL, 20);
-- step
DELETE FROM n WHERE k = 1;
-- step
DELETE FROM n WHERE k IS NULL;
UPDATE m SET k = 7 WHERE k = 1;
-- step
TRUNCATE n;
-- step
INSERT INTO n VALUES (7, 1), (7, 10), (NULL, 1);
UPDATE m SET v = 1 WHERE v IS NULL;
-- step
UPDATE n SET k = 3 WHERE k IS NULL;
DELETE FROM m WHERE k = 7;
