-- Intervals that are sorted, grouped, joined and counted: a month has 30 days, a day 24 hours, whatever their fields.
-- setup
CREATE TABLE plans (id int PRIMARY KEY, months int, days int, hours int, name text);
INSERT INTO plans VALUES (1, 1, 0, 0, 'a'), (2, 0, 30, 0, 'b'), (3, 0, 0, 720, 'c'), (4, 0, 29, 24, 'd'), (5, 2, -30, 0, 'e'),
  (6, 0, 31, 0, 'f'), (7, NULL, 0, 0, 'g'), (8, 0, 0, 1, 'h'), (9, NULL, 1, 1, 'i');
-- view v_groups
SELECT x > interval '1 month' AS longer, n, ids FROM (
  SELECT x, count(*) AS n, min(id) AS ids FROM
    (SELECT id, interval '1 month' * months + interval '1 day' * days + interval '1 hour' * hours AS x FROM plans) AS p
  GROUP BY x) AS g
-- view v_distinct
SELECT count(*) AS n, count(x = interval '720 hours' OR NULL) AS months FROM
  (SELECT DISTINCT interval '1 month' * months + interval '1 day' * days + interval '1 hour' * hours AS x FROM plans) AS p
-- view v_counts
SELECT count(DISTINCT x) AS n, max(x) = interval '31 days' AS most, min(x)::text AS least FROM
  (SELECT interval '1 month' * months + interval '1 day' * days + interval '1 hour' * hours AS x FROM plans) AS p
-- view v_union
SELECT count(*) AS n FROM (SELECT interval '1 month' * months AS x FROM plans UNION SELECT interval '1 day' * days FROM plans) AS u
-- view v_except
SELECT count(*) AS n FROM (SELECT interval '1 month' * months AS x FROM plans EXCEPT SELECT interval '1 day' * days FROM plans) AS u
-- view v_intersect
SELECT count(*) AS n FROM (SELECT interval '1 month' * months AS x FROM plans INTERSECT SELECT interval '1 day' * days FROM plans) AS u
-- view v_join
SELECT a.id, b.id AS other FROM plans a JOIN plans b ON interval '1 month' * a.months = interval '1 day' * b.days
-- view v_in
SELECT id FROM plans WHERE interval '1 month' * months IN (SELECT interval '1 hour' * hours FROM plans)
-- view v_not_in
SELECT id FROM plans WHERE interval '1 month' * months NOT IN (SELECT interval '1 hour' * hours FROM plans WHERE hours IS NOT NULL)
-- view v_top
SELECT id FROM (SELECT id, interval '1 month' * months + interval '1 day' * days AS x FROM plans ORDER BY 2 DESC NULLS LAST, 1 LIMIT 4) AS t
-- view v_rank
SELECT id, rank() OVER (ORDER BY x) AS r, count(*) OVER (PARTITION BY x) AS n, max(x) OVER (PARTITION BY id % 2) > interval '30 days' AS m FROM
  (SELECT id, interval '1 month' * months + interval '1 day' * days + interval '1 hour' * hours AS x FROM plans) AS p
-- view v_choice
SELECT id, greatest(interval '1 month' * months, interval '31 days', interval '1 day' * days)::text AS g,
  least(interval '1 month' * months, interval '29 days')::text AS l, nullif(interval '1 month' * months, interval '30 days') IS NULL AS n,
  CASE interval '1 month' * months WHEN interval '30 days' THEN 'month' ELSE 'other' END AS c FROM plans
-- view v_ordered
SELECT array_to_string(array_agg(id ORDER BY interval '1 month' * months + interval '1 day' * days, id), ',') AS ids FROM plans
-- step
UPDATE plans SET months = 0 WHERE id = 7;
INSERT INTO plans VALUES (10, 12, 0, 0, 'k'), (11, 0, 360, 0, 'l');
-- step
DELETE FROM plans WHERE id IN (1, 2, 6);
UPDATE plans SET days = 30 WHERE id = 3;
-- step
DELETE FROM plans;
-- step
INSERT INTO plans VALUES (1, 1, 0, 0, 'a'), (2, 0, 30, 0, 'b');
