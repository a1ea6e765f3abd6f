-- Rows move between groups, the group of NULLs included; the row holding min or max leaves; groups merge and split; GROUP BY over CASE.
-- setup
CREATE TABLE r (id integer PRIMARY KEY, g integer, h text, v integer);
INSERT INTO r VALUES (1, 1, 'x', 5), (2, 1, 'x', 9), (3, 2, 'y', 9), (4, NULL, 'x', 1), (5, NULL, NULL, 2), (6, 3, 'y', NULL);
-- view one
SELECT g, count(*) AS c, sum(v) AS s, min(v) AS mn, max(v) AS mx FROM r GROUP BY g
-- view two
SELECT g, h, count(v) AS c FROM r GROUP BY g, h
-- view by_case
SELECT CASE WHEN v >= 5 THEN 'hi' WHEN v < 5 THEN 'lo' ELSE 'none' END AS band, count(*) AS c, count(DISTINCT g) AS gs FROM r GROUP BY CASE WHEN v >= 5 THEN 'hi' WHEN v < 5 THEN 'lo' ELSE 'none' END
-- view constant_group
SELECT h IS NULL AS hn, sum(v) AS s FROM r GROUP BY h IS NULL
-- view biggest
SELECT g, s FROM (SELECT g, sum(v) AS s FROM r GROUP BY g) x WHERE s = (SELECT max(s) FROM (SELECT sum(v) AS s FROM r GROUP BY g) y)
-- step
UPDATE r SET g = 2 WHERE id = 2;
-- step
UPDATE r SET g = NULL WHERE g = 1;
-- step
UPDATE r SET g = 1 WHERE g IS NULL;
-- step
UPDATE r SET v = CASE id WHEN 1 THEN 0 WHEN 6 THEN 50 ELSE v END, h = 'z' WHERE id IN (1, 6);
-- step
UPDATE r SET g = id;
-- step
UPDATE r SET g = 0, h = NULL, v = v + 1 WHERE v IS NOT NULL;
-- step
DELETE FROM r WHERE v = (SELECT max(v) FROM r);
