--! title = "Average stock by product hierarchy"
--! question = "Over twelve months, which products, brands, classes and categories (with subtotals) have the lowest average quantity on hand?"
--! param.DMS = { default = 1200, int = [1176, 1224] }

select
    i_product_name,
    i_brand,
    i_class,
    i_category,
    avg(inv_quantity_on_hand) as qoh
from inventory
join date_dim on inv_date_sk = d_date_sk
join item on inv_item_sk = i_item_sk
where d_month_seq between {DMS} and {DMS} + 11
group by rollup (i_product_name, i_brand, i_class, i_category)
order by
    qoh nulls first,
    i_product_name nulls first,
    i_brand nulls first,
    i_class nulls first,
    i_category nulls first
limit 100
