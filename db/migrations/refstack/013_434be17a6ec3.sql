-- An openid with an encoded blank got a full stop in its place. Of two users that become one the one with the
-- blank stays; until the last statement references may lead nowhere for a moment.

-- without foreign key checks
DELETE u FROM `user` u
JOIN `user` o ON o._id <> u._id AND LOCATE('%20', o.openid) > 0
    AND REPLACE(o.openid, '%20', '.') = REPLACE(u.openid, '%20', '.')
WHERE LOCATE('%20', u.openid) = 0 OR u._id < o._id;

-- without foreign key checks
UPDATE `user` SET openid = REPLACE(openid, '%20', '.') WHERE LOCATE('%20', openid) > 0;

UPDATE meta SET value = REPLACE(value, '%20', '.') WHERE LOCATE('%20', value) > 0;

-- without foreign key checks
UPDATE pubkeys SET openid = REPLACE(openid, '%20', '.') WHERE LOCATE('%20', openid) > 0;

-- without foreign key checks
UPDATE organization SET created_by_user = REPLACE(created_by_user, '%20', '.')
WHERE LOCATE('%20', created_by_user) > 0;

-- without foreign key checks
UPDATE product SET created_by_user = REPLACE(created_by_user, '%20', '.')
WHERE LOCATE('%20', created_by_user) > 0;

-- without foreign key checks
UPDATE product_version SET created_by_user = REPLACE(created_by_user, '%20', '.')
WHERE LOCATE('%20', created_by_user) > 0;

-- without foreign key checks
UPDATE user_to_group
SET created_by_user = REPLACE(created_by_user, '%20', '.'), user_openid = REPLACE(user_openid, '%20', '.')
WHERE LOCATE('%20', created_by_user) > 0 OR LOCATE('%20', user_openid) > 0;
