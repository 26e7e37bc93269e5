"""What classifies features, and how it is fitted if it is not by gradient descent.

The heads of scikit-learn and XGBoost are fitted natively and lowered to core TensorFlow ops.
"""
