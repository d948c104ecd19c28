/* SPDX-License-Identifier: MIT
 * leaks_test.c: does a series of live bytes rise, or does it only look so?
 *
 * Sampling sees n samples where it should have seen m, off by about the square root of m; load comes and goes; caches
 * fill up; collectors collect late. With a thousand sites and a test a minute, what happens by chance once in
 * a million tests happens every day. So a leak is what passes all of these:
 *
 *  - order: nearly every later point is above every earlier one (Kendall's S);
 *  - slope: the rise is many times its standard error, which is taken from the points' distance to the line or from the
 *    sampling error, whichever is larger;
 *  - size: it rose by the worth of several samples, and by more than a trifle;
 *  - it goes on: a cache that fills rises less and less, so the last third must have risen like the second;
 *  - steps: no single point made most of the rise;
 *  - height: it is higher than it ever was before;
 *  - load: it did not just rise with the orders a second;
 *  - again: the same for several points in a row, unless it is beyond doubt.
 *
 * Slow leaks show at higher levels, where a point stands for more windows.
 */
#include <math.h>

#include "profile/leaks_impl.h"

enum {
    POINTS = ORDO__LEAK_POINTS,
    RISING = 48, /* of at most 66: S of points in perfect order */
    IN_ORDER = 62,
    STRIKES = 12,
    STRIKES_BEYOND_DOUBT = 8,
    LEAST_SAMPLES = 8,
    LEAST_BYTES = 64 << 10,
};
static const double least_errors = 4, errors_beyond_doubt = 7, goes_on = 0.5, new_height = 0.5,
                    own_rise = 0.3, one_step = 0.4;

/* Pairs in order less pairs out of order. */
static int order_of(const double *values)
{
    int order = 0;

    for (int i = 0; i < POINTS; i++)
        for (int j = i + 1; j < POINTS; j++)
            order += (values[j] > values[i]) - (values[j] < values[i]);
    return order;
}

static double mean_of(const double *values, int count)
{
    double sum = 0;

    for (int i = 0; i < count; i++)
        sum += values[i];
    return sum / count;
}

/* The slope of the line through the points, and its standard error with at least this variance a point. */
static double slope_of(const double *values, double variance, double *ret_error)
{
    double mean = mean_of(values, POINTS), middle = (POINTS - 1) / 2.0, width = 0, product = 0, apart = 0,
           slope;

    for (int i = 0; i < POINTS; i++) {
        width += (i - middle) * (i - middle);
        product += (i - middle) * (values[i] - mean);
    }
    slope = product / width;
    for (int i = 0; i < POINTS; i++) {
        double distance = values[i] - mean - slope * (i - middle);

        apart += distance * distance;
    }
    apart /= POINTS - 2;
    *ret_error = sqrt((apart > variance ? apart : variance) / width);
    return slope;
}

static bool slows_down(const double *values)
{
    double first = mean_of(values, POINTS / 3), second = mean_of(values + POINTS / 3, POINTS / 3),
           third = mean_of(values + POINTS / 3 * 2, POINTS / 3);

    return third - second < goes_on * (second - first);
}

/* One step up, to a new customer or another rule set, is most of it. */
static bool jumped(const double *values)
{
    double most = 0;

    for (int i = 1; i < POINTS; i++)
        if (values[i] - values[i - 1] > most)
            most = values[i] - values[i - 1];
    return most > one_step * (values[POINTS - 1] - values[0]);
}

/* It has been there before: what is written or collected once it is full rises to the same height each time. */
static bool is_known_height(const struct ordo__leak_series *series, double growth)
{
    double above = series->bytes[POINTS - 1] - series->past_peak, error = sqrt(series->variance[POINTS - 1]);

    return above < new_height * growth || above < least_errors * error;
}

/* By what part the last third is above the first. */
static double rise_of(const double *values)
{
    double first = mean_of(values, POINTS / 3);

    return first > 0 ? mean_of(values + POINTS / 3 * 2, POINTS / 3) / first - 1 : INFINITY;
}

/* Orders a second rise too, and what is live for each of them hardly does. */
static bool follows_load(const double *values, const struct ordo__leak_times *times)
{
    double load[POINTS], each[POINTS];

    for (int i = 0; i < POINTS; i++) {
        load[i] = times->seconds[i] > 0 ? times->orders[i] / times->seconds[i] : 0;
        each[i] = load[i] > 0 ? values[i] / load[i] : 0;
    }
    return order_of(load) >= RISING && rise_of(each) < own_rise * rise_of(values);
}

void ordo__leak_judge(struct ordo__leak_series *series, const struct ordo__leak_times *times)
{
    double variance = mean_of(series->variance, POINTS), mean = mean_of(series->bytes, POINTS), error, growth;
    double sample = mean > 0 ? variance / mean
                             : 0; /* what one stands for: n samples have a variance of n of them squared */
    int order = order_of(series->bytes);

    series->slope = slope_of(series->bytes, variance, &error);
    growth = series->slope * (POINTS - 1);
    if (order < RISING || series->slope < least_errors * error || growth < LEAST_SAMPLES * sample ||
        growth < LEAST_BYTES || slows_down(series->bytes) || jumped(series->bytes) ||
        is_known_height(series, growth) || follows_load(series->bytes, times)) {
        series->strikes = 0;
        series->leaks = false;
        return;
    }
    series->strikes++;
    if (series->strikes >= STRIKES || (series->strikes >= STRIKES_BEYOND_DOUBT && order >= IN_ORDER &&
                                       series->slope >= errors_beyond_doubt * error))
        series->leaks = true;
}
