/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_TAG_MATCH_PRIVATE_H
#define PAGEWALK_MMU_TAG_MATCH_PRIVATE_H

/*
 * All tags of a set compared at once, for TLB arrays, walk caches and data caches. Which way it is
 * cannot be predicted, so a loop that leaves at the match costs more than looking at all of them.
 *
 * Tags may be read sixteen at a time: an array of tags is TAG_MATCH_OVERRUN longer than its slots.
 */

#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { TAG_MATCH_WAYS_MAX = 32, TAG_MATCH_OVERRUN = 15 };

#ifdef __SSE2__
static inline __m128i tags_equal4(const uint32_t *tag, __m128i wanted)
{
	return _mm_cmpeq_epi32(_mm_loadu_si128((const __m128i *)(const void *)tag), wanted);
}

static inline uint32_t tags_match16(const uint32_t *tag, __m128i wanted)
{
	__m128i low = _mm_packs_epi32(tags_equal4(tag, wanted), tags_equal4(tag + 4, wanted));
	__m128i high = _mm_packs_epi32(tags_equal4(tag + 8, wanted), tags_equal4(tag + 12, wanted));

	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high));
}
#endif

/* Bit w is set where tag[w] == wanted, for w < ways <= TAG_MATCH_WAYS_MAX. */
static inline uint32_t tags_match(const uint32_t *tag, unsigned ways, uint32_t wanted)
{
	uint32_t match = 0;

#ifdef __SSE2__
	const __m128i all = _mm_set1_epi32((int)wanted);

	if (ways <= 4)
		match = (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(tags_equal4(tag, all)));
	else if (ways <= 16)
		match = tags_match16(tag, all);
	else
		match = tags_match16(tag, all) | tags_match16(tag + 16, all) << 16;
#else
	for (unsigned way = 0; way < ways; way++)
		match |= (uint32_t)(tag[way] == wanted) << way;
#endif
	return match & UINT32_MAX >> (TAG_MATCH_WAYS_MAX - ways);
}

/*
 * The same for tags of eight bytes, which hold all of what they stand for; they are read one by
 * one, and not beyond.
 */
static inline uint32_t long_tags_match(const uint64_t *tag, unsigned ways, uint64_t wanted)
{
	unsigned way = 0;
	uint32_t match = 0;

#ifdef __SSE2__
	const __m128i all = _mm_set1_epi64x((int64_t)wanted);

	for (; way + 4 <= ways; way += 4) {
		const __m128i *four = (const __m128i *)(const void *)(tag + way);
		__m128 low = _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_loadu_si128(four), all));
		__m128 high = _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_loadu_si128(four + 1), all));
		__m128 both = _mm_and_ps(_mm_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0)),
					 _mm_shuffle_ps(low, high, _MM_SHUFFLE(3, 1, 3, 1)));

		match |= (uint32_t)_mm_movemask_ps(both) << way;
	}
#endif
	for (; way < ways; way++)
		match |= (uint32_t)(tag[way] == wanted) << way;
	return match;
}

#endif
