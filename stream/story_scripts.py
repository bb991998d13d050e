"""What Redis does for the story index in one atomic step: place a document, or put one back."""

from __future__ import annotations

__all__ = ["PLACE", "REMEMBER"]

# A stored document: story (16 bytes) | n or r | published, seconds (double) | origin (8) | signature (128).
# The numbers below are positions in that record; Lua counts from 1.
PLACE = """
local mark = redis.call('GET', ARGV[10])
if not mark or string.sub(mark, 1, 6) ~= 'whole ' then return 'lost' end

local id, published, origin, values = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local least, window, keep_ms = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local most, documents = tonumber(ARGV[8]), ARGV[9]

local known = redis.call('GET', KEYS[1])
if known then
  local first = string.sub(known, 26, 33)
  if origin ~= '' and first ~= '\\0\\0\\0\\0\\0\\0\\0\\0' and origin ~= first then
    return string.sub(known, 1, 16) .. 's'
  end
  return string.sub(known, 1, 17)
end

local function alike(other)
  local equal = 0
  for at = 1, #values, 2 do
    local a, b = string.byte(values, at, at + 1)
    local c, d = string.byte(other, at + 33, at + 34)
    if a == c and b == d then equal = equal + 1 end
  end
  return equal
end

local bands, seen = {}, {}
local story, novelty, best, best_at = id, 'n', least - 1, math.huge
for n = 2, #KEYS do
  bands[n] = redis.call('GET', KEYS[n]) or ''
  for at = 1, #bands[n], 16 do
    local other_id = string.sub(bands[n], at, at + 15)
    if not seen[other_id] then
      seen[other_id] = true
      local other = redis.call('GET', documents .. other_id)
      if other then
        local other_at = struct.unpack('>d', string.sub(other, 18, 25))
        if math.abs(other_at - published) <= window then
          local equal = alike(other)
          if equal > best or (equal == best and novelty == 'r' and other_at < best_at) then
            story, novelty, best, best_at = string.sub(other, 1, 16), 'r', equal, other_at
          end
        end
      end
    end
  end
end

if origin == '' then origin = '\\0\\0\\0\\0\\0\\0\\0\\0' end
redis.call('SET', KEYS[1], story .. novelty .. struct.pack('>d', published) .. origin .. values, 'PX', keep_ms)
for n = 2, #KEYS do
  local kept = string.sub(bands[n], math.max(1, #bands[n] - 16 * (most - 1) + 1))
  redis.call('SET', KEYS[n], kept .. id, 'PX', keep_ms)
end
return story .. novelty
"""


# A document is put back. The newest of the stored ones comes first, so each stands before those that are there, where
# there is room; those that are newer than all (ARGV[6] is 1) come in their order, and push the oldest out.
REMEMBER = """
if redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3], 'NX') then
  local most, keep_ms, newer = 16 * tonumber(ARGV[4]), ARGV[5], ARGV[6] == '1'
  for n = 2, #KEYS do
    local band = redis.call('GET', KEYS[n]) or ''
    if newer then
      redis.call('SET', KEYS[n], string.sub(band .. ARGV[1], -most), 'PX', keep_ms)
    elseif #band < most then
      redis.call('SET', KEYS[n], ARGV[1] .. band, 'PX', keep_ms)
    end
  end
end
"""
