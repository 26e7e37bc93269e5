"""Classifiers of features: dense heads in Keras, and classical heads.

scikit-learn and XGBoost fit the classical heads, which are then lowered to core TensorFlow ops.
"""
