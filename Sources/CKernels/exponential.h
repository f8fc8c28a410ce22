// The exponential function, written once over the vectors of the file that includes it.
#ifndef CK_EXPONENTIAL_H
#define CK_EXPONENTIAL_H

/// e to the power of each number, to two units in the last place. 0 below -86.6, where the result
/// is no normal number or close to it; infinity above 88.7; NaN of NaN.
///
/// The whole powers of two are split off (Cody and Waite's reduction), a polynomial in Horner's form
/// does the rest (coefficients of Cephes' expf).
KERNEL vector exponential(vector x) {
  x = larger(all(-86.6f), x);
  x = smaller_of(all(89.0f), x);
  vector n = nearest_whole(multiply(x, all(1.44269504f)));
  vector r = multiply_add(n, all(-0.693359375f), x);
  r = multiply_add(n, all(2.12194440e-4f), r);
  vector p = all(1.9875691500e-4f);
  p = multiply_add(p, r, all(1.3981999507e-3f));
  p = multiply_add(p, r, all(8.3334519073e-3f));
  p = multiply_add(p, r, all(4.1665795894e-2f));
  p = multiply_add(p, r, all(1.6666665459e-1f));
  p = multiply_add(p, r, all(5.0000001201e-1f));
  p = add(multiply_add(multiply(p, r), r, r), all(1));
  return zero_where_at_most(x, -86.6f, scale_by_power(p, n));
}

#endif
