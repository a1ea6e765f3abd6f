-- Aggregates of aggregates, three levels; histogram of counts; max of sums; inner groups come and go.
-- setup
CREATE TABLE vis (site text, usr integer, ms bigint);
INSERT INTO vis VALUES ('a', 1, 100), ('a', 1, 200), ('a', 2, 50), ('b', 1, 10), ('b', 3, 10), ('b', 3, 10), (NULL, 4, 1), ('c', NULL, 5), ('c', NULL, NULL);
-- view hist
SELECT n, count(*) AS groups FROM (SELECT usr, count(*) AS n FROM vis GROUP BY usr) x GROUP BY n
-- view max_of_sum
SELECT site, max(s) AS best, min(s) AS worst, count(*) AS users FROM (SELECT site, usr, sum(ms) AS s FROM vis GROUP BY site, usr) x GROUP BY site
-- view avg_of_count
SELECT round(avg(n), 3) AS a, sum(n) AS t, count(*) AS c FROM (SELECT site, count(*) AS n FROM vis GROUP BY site) x
-- view three
SELECT users, count(*) AS sites, sum(mx) AS smx FROM (SELECT site, count(*) AS users, max(n) AS mx FROM (SELECT site, usr, count(*) AS n FROM vis GROUP BY site, usr) x GROUP BY site) y GROUP BY users
-- view having_inner
SELECT count(*) AS c, sum(s) AS s FROM (SELECT usr, sum(ms) AS s FROM vis GROUP BY usr HAVING count(*) > 1) x
-- step
INSERT INTO vis VALUES ('a', 2, 500), ('d', 9, 9);
-- step
DELETE FROM vis WHERE site = 'b' AND usr = 3;
-- step
UPDATE vis SET usr = 1 WHERE usr IS NULL;
-- step
UPDATE vis SET site = 'a' WHERE site IN ('c', 'd');
-- step
DELETE FROM vis;
-- step
INSERT INTO vis VALUES (NULL, NULL, NULL);
-- step
INSERT INTO vis VALUES ('x', 1, 1), ('x', 1, 1), ('y', 1, 3);
